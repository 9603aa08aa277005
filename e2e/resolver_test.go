// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/authtest"
)

// TestAResolverLosesNoLookupWhenOneOfTwoServersDies: Unbound, with its cache and TTLs as
// they are, stands between users and two clusters of which one is killed.
func TestAResolverLosesNoLookupWhenOneOfTwoServersDies(t *testing.T) {
	s := newSite(t)
	s.startEdge()
	eu, us := s.cluster("eu", 11), s.cluster("us", 12)
	if s.lab.NeedsPorts() {
		eu.peers, us.peers = []string{"us=" + us.at()}, []string{"eu=" + eu.at()}
	}
	servers := "stub-zone:\n  name: cloud.example.com\n"
	for _, c := range []*cluster{eu, us} {
		c.extra = []string{"--entry-check", "off"}
		c.write(gslb("app", rr, "roundRobin", "dnsTtlSeconds: 1"))
		c.start()
		at := netip.MustParseAddrPort(c.at())
		servers += fmt.Sprintf("  stub-addr: %s@%d\n", at.Addr(), at.Port())
	}
	all, left := s.addrs(111, 112, 121, 122), s.addrs(121, 122)
	s.await(eu.at(), rr, all)
	s.await(us.at(), rr, all)
	resolver := authtest.StartUnbound(t, netip.MustParseAddr("127.0.0.1"), servers)

	client := dns.Client{Timeout: patience}
	lookups := 0
	lookup := func() (addrs string, ttl uint32) {
		lookups++
		q := new(dns.Msg)
		q.SetQuestion(rr+".", dns.TypeA)
		r, _, err := client.ExchangeContext(t.Context(), q, resolver.Addr.String())
		require.NoError(t, err, "lookup %d", lookups)
		require.Equal(t, dns.RcodeSuccess, r.Rcode, "lookup %d: %s", lookups, dns.RcodeToString[r.Rcode])
		require.NotEmpty(t, r.Answer, "lookup %d", lookups)
		return sortedAddrs(r), r.Answer[0].Header().Ttl
	}
	addrs, ttl := lookup()
	require.Equal(t, all, addrs)
	assert.LessOrEqual(t, ttl, uint32(1), "the TTL of the Gslb, as it runs out")
	require.NoError(t, eu.process.Kill())
	s.until("resolved addresses are those of the cluster that is left", func() bool {
		addrs, _ = lookup()
		for _, a := range strings.Fields(addrs) {
			assert.Contains(t, all, a)
		}
		return addrs == left
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); <-tick.C {
		addrs, _ = lookup()
		require.Equal(t, left, addrs)
	}
	t.Logf("%d lookups, none failed", lookups)
}
