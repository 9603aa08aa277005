// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/lab"
)

// TestAClusterLeavesForGood: its offers, name server, glue and heartbeat go when it says
// goodbye, and a cluster that only stops keeps them.
func TestAClusterLeavesForGood(t *testing.T) {
	s := newSite(t)
	s.startEdge()
	eu, us := s.cluster("eu", 11), s.cluster("us", 12)
	eu.extra = []string{"--on-stop", "leave"}
	eu.write(gslb("roundrobin", rr, "roundRobin", ""))
	us.write(gslb("roundrobin", rr, "roundRobin", ""))
	eu.start()
	us.start()
	s.await(us.at(), rr, s.addrs(111, 112, 121, 122))
	s.await(s.edgeAt, "gslb-ns-eu-cloud.example.com", s.addrs(11))
	s.await(s.edgeAt, rr, s.addrs(111, 112, 121, 122))

	require.NoError(t, eu.process.Stop())
	t.Logf("eu left the answers of us %v after it had stopped", s.await(us.at(), rr, s.addrs(121, 122)))
	assert.NotEqual(t, s.addrs(11), lab.Addrs(t.Context(), s.edgeAt, "gslb-ns-eu-cloud.example.com"), "the glue went before the process did")
	m, err := lab.Ask(t.Context(), s.edgeAt, "gslb-heartbeat-eu.example.com", dns.TypeTXT)
	require.NoError(t, err)
	assert.Empty(t, m.Answer, "so did the heartbeat")
	s.until("us names itself alone", func() bool {
		m, err := lab.Ask(t.Context(), us.at(), lab.Zone, dns.TypeNS)
		return err == nil && len(m.Answer) == 1 && strings.Contains(m.Answer[0].String(), "gslb-ns-us-")
	})

	eu.extra = nil
	eu.start()
	s.await(us.at(), rr, s.addrs(111, 112, 121, 122))
	s.await(s.edgeAt, "gslb-ns-eu-cloud.example.com", s.addrs(11))
	require.NoError(t, eu.process.Stop())
	assert.Equal(t, s.addrs(111, 112, 121, 122), lab.Addrs(t.Context(), us.at(), rr), "it only paused")
	assert.Equal(t, s.addrs(11), lab.Addrs(t.Context(), s.edgeAt, "gslb-ns-eu-cloud.example.com"))
}
