// SPDX-License-Identifier: Apache-2.0

package answers_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
)

// k8gbHost is a host that comes from an object of k8gb.
func k8gbHost(name string, addrs ...string) dnstest.Host {
	return dnstest.Host{Name: name + "." + zone, Addrs: addrs, K8gb: true}
}

func TestLocalTargetsAreOurOwnHealthyAddresses(t *testing.T) {
	failover := k8gbHost("failover", "192.0.2.1", "192.0.2.2")
	failover.Policy = gslb.Policy{Strategy: gslb.Failover, Primary: "us", TTL: 5}
	failover.Others = map[string][]string{"us": {"198.51.100.1"}}
	elsewhere := k8gbHost("elsewhere")
	elsewhere.Others = map[string][]string{"us": {"198.51.100.1"}}
	table := build(t, failover, elsewhere,
		k8gbHost("six", "2001:db8::1"),
		k8gbHost("dual", "192.0.2.9", "2001:db8::9"),
		k8gbHost("deep.er", "192.0.2.3"),
		dnstest.Host{Name: "plain." + zone, Addrs: []string{"192.0.2.4"}},
		dnstest.Host{Name: "localtargets-taken." + zone, Addrs: []string{"192.0.2.5"}}, k8gbHost("taken", "192.0.2.6"),
		k8gbHost("below", "192.0.2.7"), dnstest.Host{Name: "x.localtargets-below." + zone, Addrs: []string{"192.0.2.8"}},
		k8gbHost("none"), dnstest.Host{Name: "x.localtargets-none." + zone, Addrs: []string{"192.0.2.8"}},
	)
	gone := dnstest.Expect{Rcode: dns.RcodeNameError, AA: true, Authority: []string{soa}}
	nodata := dnstest.Expect{AA: true, Authority: []string{soa}}
	for _, c := range []struct {
		name  string
		qtype uint16
		want  []string // A records; nil: otherwise
		other dnstest.Expect
		why   string
	}{
		{"failover", dns.TypeA, []string{"5 192.0.2.1", "5 192.0.2.2"}, dnstest.Expect{}, "whatever the strategy says, with the TTL of the host"},
		{"FailOver", dns.TypeA, []string{"5 192.0.2.1", "5 192.0.2.2"}, dnstest.Expect{}, "in any case of letters"},
		{"failover", dns.TypeANY, []string{"5 192.0.2.1", "5 192.0.2.2"}, dnstest.Expect{}, "it is the one RRset"},
		{"failover", dns.TypeAAAA, nil, nodata, "k8gb knows IPv4 only"},
		{"failover", dns.TypeTXT, nil, nodata, "addresses are not text"},
		{"dual", dns.TypeA, []string{"30 192.0.2.9"}, dnstest.Expect{}, "the IPv4 part"},
		{"six", dns.TypeA, nil, gone, "no IPv4 address at all"},
		{"elsewhere", dns.TypeA, nil, gone, "another cluster's address is not ours"},
		{"elsewhere", dns.TypeAAAA, nil, gone, "the name does not exist, for every type"},
		{"deep.er", dns.TypeA, []string{"30 192.0.2.3"}, dnstest.Expect{}, "the prefix is that of the first label"},
		{"plain", dns.TypeA, nil, gone, "a host of Meridian's own objects has no such name"},
		{"nobody", dns.TypeA, nil, gone, "no host"},
		{"taken", dns.TypeA, []string{"30 192.0.2.5"}, dnstest.Expect{}, "a host of that name comes first"},
		{"below", dns.TypeA, []string{"30 192.0.2.7"}, dnstest.Expect{}, "names below do no harm"},
		{"none", dns.TypeA, nil, nodata, "a name with another below it exists (RFC 8020)"},
	} {
		t.Run(c.name+" "+dns.TypeToString[c.qtype], func(t *testing.T) {
			t.Log(c.why)
			name := "localtargets-" + c.name + "." + zone
			if c.want == nil {
				expect(t, table, dnstest.Query{Name: name, Type: c.qtype}, c.other)
				return
			}
			m := message(t, table, dnstest.Query{Name: name, Type: c.qtype}, 0)
			assert.Equal(t, dns.RcodeSuccess, m.Rcode)
			assert.True(t, m.Authoritative)
			var got []string
			for _, rr := range m.Answer {
				assert.True(t, strings.EqualFold(name, strings.TrimSuffix(rr.Header().Name, ".")))
				got = append(got, fmt.Sprintf("%d %s", rr.Header().Ttl, rr.(*dns.A).A))
			}
			assert.ElementsMatch(t, c.want, got)
		})
	}
}

func TestLocalTargetsAreNotMadeOfAWildcard(t *testing.T) {
	w := dnstest.NewWorlds(t, zone)
	w.Set(dnstest.Host{Name: "*." + zone, Addrs: []string{"192.0.2.99"}, K8gb: true})
	down := k8gbHost("app")
	table := dnstest.Table(t, nil, w.Set(down))
	at := func(table *answers.Table, name string) answers.Result {
		return table.Lookup(gslb.MustName(name+"."+zone), dns.TypeA)
	}
	assert.Equal(t, answers.NXDomain, at(table, "localtargets-app").Kind, "k8gb would take the addresses of the wildcard for the host's")
	assert.Equal(t, answers.Answer, at(table, "localtargets-other").Kind, "a name like others")
	table = dnstest.Table(t, table, w.Remove("app."+zone))
	assert.True(t, at(table, "localtargets-app").Wildcard, "the host is gone, and its name with it")
}

func TestLocalTargetsCanBeTurnedOff(t *testing.T) {
	w := dnstest.NewWorlds(t, zone)
	table, err := answers.Builder{NoLocalTargets: true}.Build(nil, w.Set(k8gbHost("app", "192.0.2.1")))
	require.NoError(t, err)
	assert.Equal(t, answers.NXDomain, table.Lookup(gslb.MustName("localtargets-app."+zone), dns.TypeA).Kind)
}

// Each cluster has other local targets, while a zone is the same in all of them.
func TestLocalTargetsAreNotTransferred(t *testing.T) {
	w := dnstest.NewWorlds(t, zone)
	plain := dnstest.Host{Name: "app." + zone, Addrs: []string{"192.0.2.1"}}
	owners := func(table *answers.Table) (out []string) {
		for s := range table.RRsets(gslb.MustName(zone)) {
			out = append(out, s.Owner)
		}
		return out
	}
	want := owners(dnstest.Table(t, nil, w.Set(plain)))
	plain.K8gb = true
	table := dnstest.Table(t, nil, w.Set(plain))
	assert.Equal(t, want, owners(table))
	assert.Empty(t, table.NameRRsets(gslb.MustName("localtargets-app."+zone)))
}

// TestLocalTargetsFollowTheirHosts changes hosts at random, some of them named like the
// local targets of others, and compares with a table that is built anew.
func TestLocalTargetsFollowTheirHosts(t *testing.T) {
	w := dnstest.NewWorlds(t, zone)
	rnd := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "b", "localtargets-a", "localtargets-localtargets-a", "x.localtargets-b", "c.d", "*"}
	var asked []gslb.Name
	for _, n := range names {
		asked = append(asked, gslb.MustName(n+"."+zone))
		if n != "*" {
			asked = append(asked, gslb.MustName("localtargets-"+n+"."+zone))
		}
	}
	var table *answers.Table
	for step := range 300 {
		n := names[rnd.IntN(len(names))]
		var world *gslb.World
		if rnd.IntN(3) == 0 {
			world = w.Remove(n + "." + zone)
		} else {
			h := dnstest.Host{Name: n + "." + zone, K8gb: rnd.IntN(3) > 0}
			for i := range rnd.IntN(3) {
				h.Addrs = append(h.Addrs, fmt.Sprintf("192.0.2.%d", 1+i))
			}
			world = w.Set(h)
		}
		table = dnstest.Table(t, table, world)
		fresh := dnstest.Table(t, nil, world)
		require.Equal(t, fresh.Len(), table.Len(), "step %d", step)
		for _, q := range asked {
			want, got := fresh.Lookup(q, dns.TypeA), table.Lookup(q, dns.TypeA)
			require.Equal(t, want, got, "step %d, %s", step, q)
		}
	}
}
