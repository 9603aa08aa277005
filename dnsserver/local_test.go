// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

// TestLocalTargetsAsK8gbAsks asks as a neighbour that runs k8gb does: over UDP, without
// EDNS, with RD set. The letters of the name come back as they were sent.
func TestLocalTargetsAsK8gbAsks(t *testing.T) {
	w := dnstest.NewWorlds(t, zone)
	w.Set(
		dnstest.Host{Name: "app." + zone, Addrs: []string{"192.0.2.1", "192.0.2.2"}, Others: map[string][]string{"us": {"198.51.100.1"}}, K8gb: true},
		dnstest.Host{Name: "down." + zone, K8gb: true},
	)
	_, addr := dnstest.Serve(t, dnsserver.Config{}, w.Table())
	for _, network := range []string{"udp", "tcp"} {
		for _, c := range []struct {
			name  string
			qtype uint16
			rcode int
			addrs []string
		}{
			{"localtargets-app.", dns.TypeA, dns.RcodeSuccess, []string{"192.0.2.1", "192.0.2.2"}},
			{"LocalTargets-APP.", dns.TypeA, dns.RcodeSuccess, []string{"192.0.2.1", "192.0.2.2"}},
			{"localtargets-app.", dns.TypeAAAA, dns.RcodeSuccess, nil},
			{"localtargets-down.", dns.TypeA, dns.RcodeNameError, nil},
			{"localtargets-absent.", dns.TypeA, dns.RcodeNameError, nil},
		} {
			t.Run(network+" "+c.name+" "+dns.TypeToString[c.qtype], func(t *testing.T) {
				q := new(dns.Msg)
				q.SetQuestion(c.name+zone+".", c.qtype)
				m, _, err := (&dns.Client{Net: network}).ExchangeContext(t.Context(), q, addr.String())
				require.NoError(t, err)
				assert.Equal(t, c.rcode, m.Rcode)
				assert.True(t, m.Authoritative)
				assert.Equal(t, q.Question, m.Question)
				var got []string
				for _, rr := range m.Answer {
					assert.Equal(t, c.name+zone+".", rr.Header().Name)
					assert.Equal(t, uint32(30), rr.Header().Ttl)
					got = append(got, rr.(*dns.A).A.String())
				}
				assert.ElementsMatch(t, c.addrs, got)
				if c.addrs == nil {
					require.Len(t, m.Ns, 1)
					assert.Equal(t, dns.TypeSOA, m.Ns[0].Header().Rrtype)
				}
			})
		}
	}
}
