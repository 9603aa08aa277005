// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package secondaries_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/rdata"
)

type object = map[string]any

// manifests gives the zone as objects: a ZoneDelegation with the records that its
// schema takes, and a Gslb for each host, half of them with backends of the
// Service app0, half of app1.
func (z *judgeZone) manifests(t testing.TB) string {
	t.Helper()
	zone := strings.TrimSuffix(z.name, ".")
	_, parent, _ := strings.Cut(zone, ".")
	objects := []object{{
		"apiVersion": "gslb.meridian.dev/v1beta1", "kind": "ZoneDelegation", "metadata": object{"name": zone},
		"spec": object{"loadBalancedZone": zone, "parentZone": parent, "dnsZoneNegTTL": 30, "records": z.sets(t)},
	}}
	for i, h := range z.hosts {
		if strings.Contains(h.Name, "_") { // no name for an Ingress
			continue
		}
		strategy := object{"type": "roundRobin", "dnsTtlSeconds": h.Policy.TTL}
		if h.Policy.MaxAnswers > 0 {
			strategy["maxAnswers"] = h.Policy.MaxAnswers
		}
		spec := object{
			"ingress": object{"rules": []object{{"host": h.Name, "http": object{"paths": []object{{"path": "/", "pathType": "Prefix",
				"backend": object{"service": object{"name": fmt.Sprintf("app%d", i%2), "port": object{"number": 80}}}}}}}}},
			"strategy": strategy,
		}
		if len(h.Addrs) > 0 {
			spec["entryAddresses"] = h.Addrs
		}
		objects = append(objects, object{"apiVersion": "gslb.meridian.dev/v1beta1", "kind": "Gslb",
			"metadata": object{"name": fmt.Sprintf("%s-%d", strings.ReplaceAll(zone, ".", "-"), i), "namespace": "demo"}, "spec": spec})
	}
	return documents(t, objects...)
}

// documents writes objects as YAML, of which JSON is a part.
func documents(t testing.TB, objects ...object) string {
	t.Helper()
	var b strings.Builder
	for _, o := range objects {
		text, err := json.MarshalIndent(o, "", " ")
		require.NoError(t, err)
		fmt.Fprintf(&b, "---\n%s\n", text)
	}
	return b.String()
}

// backends gives a Service with backends that are ready or not.
func backends(t testing.TB, name string, ready bool) string {
	t.Helper()
	return documents(t,
		object{"apiVersion": "v1", "kind": "Service", "metadata": object{"name": name, "namespace": "demo"},
			"spec": object{"selector": object{"app": name}, "ports": []object{{"name": "http", "port": 80}}}},
		object{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
			"metadata": object{"name": name + "-1", "namespace": "demo", "labels": object{"kubernetes.io/service-name": name}},
			"ports":    []object{{"name": "http", "port": 8080}}, "endpoints": []object{{"addresses": []string{"10.0.0.1"}, "conditions": object{"ready": ready}}}})
}

// mnemonics are the types that have a name in the schema; others are written by
// number.
var mnemonics = []string{"A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "LOC", "MX", "NAPTR", "NS", "PTR", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI"}

// sets gives the records as a ZoneDelegation has them, without what its schema
// refuses.
func (z *judgeZone) sets(t testing.TB) []object {
	t.Helper()
	type key struct{ name, typ string }
	var order []key
	data, ttls, types := make(map[key][]string), make(map[key]uint32), make(map[string]int)
	for _, r := range z.records {
		rec, ok := r.stated(t)
		if !ok {
			continue
		}
		name := strings.TrimSuffix(strings.TrimSuffix(rec.Name.FQDN(), z.name), ".")
		if name == "" {
			name = "@"
		}
		k, text := key{name, r.typ}, r.data
		if !slices.Contains(mnemonics, r.typ) {
			p, err := rdata.Pack(rec.Type, rec.Data)
			require.NoError(t, err)
			k.typ, text = fmt.Sprintf("TYPE%d", rec.Type), fmt.Sprintf(`\# %d %s`, len(p.Wire), hex.EncodeToString(p.Wire))
		}
		if data[k] == nil {
			order = append(order, k)
			types[name]++
			ttls[k] = r.ttl
		}
		if !slices.Contains(data[k], text) && len(data[k]) < 32 {
			data[k] = append(data[k], text)
		}
	}
	var out []object
	for _, k := range order {
		switch {
		case k.name == "@" && (k.typ == "CNAME" || k.typ == "NS" || k.typ == "DS"):
		case k.typ == "CNAME" && (types[k.name] > 1 || len(data[k]) > 1):
		default:
			out = append(out, object{"name": k.name, "type": k.typ, "ttl": ttls[k], "rdata": data[k]})
		}
	}
	return out
}

// transferred gives a zone as our server transfers it.
func transferred(t testing.TB, server, zone string, key [2]string) map[string][]dns.RR {
	t.Helper()
	m := new(dns.Msg).SetAxfr(zone)
	m.SetTsig(dns.Fqdn(key[0]), dns.HmacSHA256, 300, 0)
	in, err := (&dns.Transfer{TsigSecret: map[string]string{dns.Fqdn(key[0]): key[1]}}).In(m, server)
	require.NoError(t, err)
	out := make(map[string][]dns.RR)
	for e := range in {
		require.NoError(t, e.Error, "%s", zone)
		for _, rr := range e.RR {
			owner := strings.ToLower(rr.Header().Name)
			if rr.Header().Rrtype == dns.TypeSOA && len(out[owner]) > 0 && out[owner][0].Header().Rrtype == dns.TypeSOA {
				continue // the last record
			}
			out[owner] = append(out[owner], rr)
		}
	}
	return out
}
