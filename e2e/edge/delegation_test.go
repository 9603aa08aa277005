// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package edge_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge/delegation"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/bindtest"
)

// delegations of one edge zone, each with another trouble. Name servers at 127.0.0.2
// answer, at 127.0.0.3 over UDP alone, at 127.0.0.4 they refuse; at 127.0.0.5 nobody is.
const delegations = `
$ORIGIN example.com.
$TTL 300
@ SOA ns hostmaster 1 3600 600 604800 30
@ NS ns
ns A 127.0.0.1
well NS gslb-ns-eu-well
gslb-ns-eu-well A 127.0.0.2
tcp NS gslb-ns-eu-tcp
gslb-ns-eu-tcp A 127.0.0.3
lame NS gslb-ns-eu-lame
gslb-ns-eu-lame A 127.0.0.4
dead NS gslb-ns-eu-dead
dead NS gslb-ns-us-dead
gslb-ns-eu-dead A 127.0.0.2
gslb-ns-us-dead A 127.0.0.5
glue NS gslb-ns-eu-glue
glue NS gslb-ns-us-glue
gslb-ns-eu-glue A 127.0.0.2
fewer NS gslb-ns-eu-fewer
gslb-ns-eu-fewer A 127.0.0.2
gslb-ns-us-fewer A 127.0.0.2
`

// TestDelegationsAreCheckedFromTheEdgeDown asks BIND for delegations, and the name
// servers that it names.
func TestDelegationsAreCheckedFromTheEdgeDown(t *testing.T) {
	s := bindtest.Start(t, bindtest.Config{
		Conf:  `zone "example.com" { type primary; file "DIR/example.com.zone"; };`,
		Files: map[string]string{"example.com.zone": delegations},
	})
	port := s.Addr.Port()
	answer := authority(map[string][]string{
		"well": {"eu"}, "tcp": {"eu"}, "dead": {"eu", "us"}, "glue": {"eu", "us"}, "fewer": {"eu", "us"},
	})
	serveDNS(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), port), answer, true)
	serveDNS(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), port), answer, false)
	serveDNS(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.4"), port), authority(nil), true)

	w := &gslb.World{Self: "eu", Ready: true, Clusters: []gslb.Cluster{{Tag: "eu", Liveness: gslb.Self}, {Tag: "us", Liveness: gslb.Fresh}}}
	for _, z := range []string{"well", "tcp", "lame", "dead", "glue", "fewer", "gone"} {
		w.Zones = append(w.Zones, gslb.Zone{ZoneIntent: gslb.ZoneIntent{Zone: gslb.MustName(z + ".example.com"), EdgeZone: parent}})
	}
	worlds := make(chan *gslb.World, 1)
	worlds <- w
	c, err := delegation.New(delegation.Config{Worlds: worlds, Port: port, Servers: func(context.Context, gslb.Name) ([]string, error) {
		return []string{s.Addr.String()}, nil
	}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	for z, want := range map[string]struct {
		reason delegation.Reason
		says   string
	}{
		"well":  {delegation.ReasonAnswering, "all 1 name servers answer"},
		"tcp":   {delegation.ReasonSilentOverTCP, fmt.Sprintf("cluster eu at 127.0.0.3:%d", port)},
		"lame":  {delegation.ReasonLame, "it gives REFUSED"},
		"dead":  {delegation.ReasonNameServerSilent, fmt.Sprintf("cluster us at 127.0.0.5:%d", port)},
		"glue":  {delegation.ReasonGlueMissing, "gslb-ns-us-glue.example.com."},
		"fewer": {delegation.ReasonNameServersDiffer, "the edge zone lacks gslb-ns-us-fewer.example.com"},
		"gone":  {delegation.ReasonNotDelegated, "delegates the zone to nobody"},
	} {
		var got delegation.Status
		until(t, z+" was judged", func() bool {
			got, _ = c.Of(gslb.MustName(z + ".example.com"))
			return got.Reason != delegation.ReasonPending && got.Reason != ""
		})
		assert.Equal(t, want.reason, got.Reason, "%s: %s", z, got.Message)
		assert.Contains(t, got.Message, want.says, z)
	}
}

// authority answers for zones below example.com that have the name servers of these
// clusters, and refuses all else.
func authority(zones map[string][]string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		label, below, _ := strings.Cut(q.Question[0].Name, ".")
		servers, ours := zones[label]
		if !ours || below != "example.com." {
			m.Rcode = dns.RcodeRefused
			_ = w.WriteMsg(m)
			return
		}
		m.Authoritative = true
		switch name := q.Question[0].Name; q.Question[0].Qtype {
		case dns.TypeSOA:
			rr, _ := dns.NewRR(name + " 30 SOA ns. hostmaster. 7 1 1 1 30")
			m.Answer = append(m.Answer, rr)
		case dns.TypeNS:
			for _, tag := range servers {
				rr, _ := dns.NewRR(fmt.Sprintf("%s 300 NS gslb-ns-%s-%s.example.com.", name, tag, label))
				m.Answer = append(m.Answer, rr)
			}
		}
		_ = w.WriteMsg(m)
	}
}

// serveDNS answers at an address until the test ends.
func serveDNS(t *testing.T, at netip.AddrPort, h dns.Handler, tcp bool) {
	t.Helper()
	pc, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", at.String())
	require.NoError(t, err)
	servers := []*dns.Server{{PacketConn: pc, Handler: h}}
	if tcp {
		ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", at.String())
		require.NoError(t, err)
		servers = append(servers, &dns.Server{Listener: ln, Handler: h})
	}
	for _, s := range servers {
		done := make(chan error, 1)
		up := make(chan struct{})
		s.NotifyStartedFunc = func() { close(up) }
		go func() { done <- s.ActivateAndServe() }()
		<-up
		t.Cleanup(func() {
			assert.NoError(t, s.Shutdown())
			assert.NoError(t, <-done)
		})
	}
}
