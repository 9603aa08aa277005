// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/lab"
)

// foreign is the edge zone before any cluster has written to it, with records of others.
const foreign = `
$ORIGIN example.com.
$TTL 300
@ SOA ns hostmaster 1 3600 600 604800 30
@ NS ns
@ MX 10 mail
ns A 10.77.100.53
mail A 192.0.2.25
* TXT "v=spf1 -all"
static CNAME mail
`

// edge is BIND with the edge zone.
type edge struct {
	w       *world
	space   *space
	dir     string
	process *lab.Process
}

// newEdge starts BIND; each cluster may write what is its own.
func (w *world) newEdge() *edge {
	w.t.Helper()
	e := &edge{w: w, space: w.attach("edge", 100, dnsN), dir: filepath.Join(w.lab.Dir, "named")}
	require.NoError(w.t, os.Mkdir(e.dir, 0o700))
	var grants strings.Builder
	for _, c := range w.clusters {
		fmt.Fprintf(&grants, "grant edge name cloud.example.com NS; grant edge name gslb-ns-%[1]s-cloud.example.com A AAAA; grant edge name gslb-heartbeat-%[1]s.example.com TXT;\n", c.tag)
	}
	e.file("named.conf", fmt.Sprintf(`
options {
	directory "%[1]s"; pid-file "%[1]s/named.pid"; session-keyfile "%[1]s/session.key";
	listen-on port 53 { %[2]s; }; listen-on-v6 { none; };
	recursion no; dnssec-validation no; notify no; allow-transfer { any; };
};
controls { };
key "edge" { algorithm hmac-sha256; secret "%[3]s"; };
key "static" { algorithm hmac-sha256; secret "%[4]s"; };
zone "example.com" { type primary; file "%[1]s/zone"; update-policy { grant static zonesub ANY; %[5]s }; };
`, e.dir, e.space.addr(dnsN), w.secret(w.edgeKey), base64.StdEncoding.EncodeToString([]byte(staticSecret)), grants.String()))
	e.file("zone", foreign)
	e.start()
	return e
}

// staticSecret signs what stands for somebody else's hand in the edge zone.
const staticSecret = "somebody else who writes in it.."

// secret reads the secret of a key in base64.
func (w *world) secret(key string) string {
	w.t.Helper()
	_, file, _ := strings.Cut(key, ":hmac-sha256:")
	text, err := os.ReadFile(file)
	require.NoError(w.t, err)
	return strings.TrimSpace(string(text))
}

func (e *edge) file(name, content string) {
	e.w.t.Helper()
	require.NoError(e.w.t, os.WriteFile(filepath.Join(e.dir, name), []byte(content), 0o600))
}

func (e *edge) start() {
	e.w.t.Helper()
	e.process = e.w.start(e.space, "named", find("named"), "-g", "-n", "1", "-c", filepath.Join(e.dir, "named.conf"))
	e.w.until("BIND answers", func() bool {
		m, err := e.w.client.ask(e.space.at(dnsN), lab.EdgeZone, dns.TypeSOA)
		return err == nil && m.Rcode == dns.RcodeSuccess
	})
}

// restore takes the zone back to what it was before any cluster had written to it.
func (e *edge) restore() {
	e.w.t.Helper()
	require.NoError(e.w.t, e.process.Kill())
	require.NoError(e.w.t, os.Remove(filepath.Join(e.dir, "zone.jnl")))
	e.file("zone", foreign)
	e.start()
}

// put writes records that stand for somebody else's hand.
func (e *edge) put(records ...string) {
	e.w.t.Helper()
	require.NoError(e.w.t, e.insert(records...))
}

// insert adds records by a hand that is not Meridian's.
func (e *edge) insert(records ...string) error {
	m := new(dns.Msg).SetUpdate(dns.Fqdn(lab.EdgeZone))
	for _, r := range records {
		rr, err := dns.NewRR(r)
		if err != nil {
			return err
		}
		m.Insert([]dns.RR{rr})
	}
	conn, err := e.w.client.dialWithin(dialTime, "tcp", e.space.at(dnsN))
	if err != nil {
		return err
	}
	defer conn.Close()
	c := &dns.Client{Net: "tcp", TsigSecret: map[string]string{"static.": base64.StdEncoding.EncodeToString([]byte(staticSecret))}}
	m.SetTsig("static.", dns.HmacSHA256, 300, time.Now().Unix())
	reply, _, err := c.ExchangeWithConn(m, &dns.Conn{Conn: conn, TsigSecret: c.TsigSecret})
	if err == nil && reply.Rcode != dns.RcodeSuccess {
		err = fmt.Errorf("the edge says %s", dns.RcodeToString[reply.Rcode])
	}
	return err
}

// records are those of the zone without the SOA, sorted.
func (e *edge) records() []string {
	e.w.t.Helper()
	conn, err := e.w.client.dial(e.w.t.Context(), "tcp", e.space.at(dnsN))
	require.NoError(e.w.t, err)
	tr := &dns.Transfer{Conn: &dns.Conn{Conn: conn}}
	parts, err := tr.In(new(dns.Msg).SetAxfr(dns.Fqdn(lab.EdgeZone)), "")
	require.NoError(e.w.t, err)
	var out []string
	for part := range parts {
		require.NoError(e.w.t, part.Error)
		for _, rr := range part.RR {
			if rr.Header().Rrtype != dns.TypeSOA {
				out = append(out, strings.Join(strings.Fields(rr.String()), " "))
			}
		}
	}
	slices.Sort(out)
	return out
}

// ours says that a record of the edge zone is for Meridian to write.
func ours(record string) bool {
	for _, begin := range []string{"gslb-ns-", "gslb-heartbeat-", lab.Zone + ". "} {
		if strings.HasPrefix(record, begin) {
			return true
		}
	}
	return false
}

// others are the records that are for nobody of us to write.
func (e *edge) others() []string { return slices.DeleteFunc(e.records(), ours) }

// calm says that the delegation of every cluster is there, and no alarm.
func (e *edge) calm() bool {
	all := strings.Join(e.records(), "\n")
	for _, c := range e.w.clusters {
		if c.edge != nil {
			continue // written otherwise
		}
		for _, want := range []string{
			lab.Zone + ". 300 IN NS gslb-ns-" + c.tag + "-cloud.example.com.",
			"gslb-ns-" + c.tag + "-cloud.example.com. 300 IN A " + c.space.addr(dnsN).String(),
			"gslb-heartbeat-" + c.tag + ".example.com. ",
		} {
			if !strings.Contains(all, want) {
				return false
			}
		}
	}
	return !strings.Contains(all, "missed=")
}
