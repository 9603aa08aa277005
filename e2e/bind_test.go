// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/bindtest"
	"github.com/meridian-gslb/meridian/internal/lab"
)

// startBIND puts BIND in the place of the lab's edge server, with records of
// others in the zone, and gives clusters the right to write what is theirs.
func (s *site) startBIND(tags ...string) *bindtest.Server {
	s.t.Helper()
	_, file, _ := strings.Cut(s.edgeKey, ":hmac-sha256:")
	text, err := os.ReadFile(file)
	require.NoError(s.t, err)
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	require.NoError(s.t, err)
	grants := ""
	for _, tag := range tags {
		grants += fmt.Sprintf("grant edge name cloud.example.com NS; grant edge name gslb-ns-%[1]s-cloud.example.com A AAAA; grant edge name gslb-heartbeat-%[1]s.example.com TXT;\n", tag)
	}
	admin := bindtest.Key{Name: "admin", Secret: []byte(strings.Repeat("a", 32))}
	b := bindtest.Start(s.t, bindtest.Config{
		Conf: fmt.Sprintf(`key "edge" { algorithm hmac-sha256; secret %q; };
zone "example.com" { type primary; file "DIR/zone"; update-policy { grant admin zonesub ANY; %s }; };`,
			base64.StdEncoding.EncodeToString(secret), grants),
		Files: map[string]string{"zone": `
$ORIGIN example.com.
$TTL 300
@ SOA ns hostmaster 1 3600 600 604800 30
@ NS ns
@ MX 10 mail
ns A 127.0.0.1
mail A 192.0.2.25
* TXT "v=spf1 -all"
`},
		Transfer: admin,
	})
	s.edgeAt = b.Addr.String()
	return b
}

// known are the records of a zone without what changes in heartbeats.
func known(b *bindtest.Server) []string {
	lines := b.AXFR(lab.EdgeZone)
	for i, l := range lines {
		if strings.HasPrefix(l, "gslb-heartbeat-") {
			lines[i] = strings.Join(strings.Fields(l)[:6], " ")
		}
	}
	slices.Sort(lines)
	return lines
}

// TestTwoClustersBehindBIND is the main job with a real edge zone: what the
// clusters publish there, what dig finds by it, and what others have there.
func TestTwoClustersBehindBIND(t *testing.T) {
	s := newSite(t)
	b := s.startBIND("eu", "us")
	before := known(b)
	eu, us := s.cluster("eu", 11), s.cluster("us", 12)
	if s.lab.NeedsPorts() {
		eu.peers, us.peers = []string{"us=" + us.at()}, []string{"eu=" + eu.at()}
	}
	for _, c := range []*cluster{eu, us} {
		c.write(gslb("roundrobin", rr, "roundRobin", ""))
		c.start()
	}
	all := s.addrs(111, 112, 121, 122)
	s.await(eu.at(), rr, all)
	s.await(us.at(), rr, all)

	want := append(slices.Clone(before),
		"cloud.example.com. 300 IN NS gslb-ns-eu-cloud.example.com.",
		"cloud.example.com. 300 IN NS gslb-ns-us-cloud.example.com.",
		"gslb-ns-eu-cloud.example.com. 300 IN A "+s.lab.Addr(11).String(),
		"gslb-ns-us-cloud.example.com. 300 IN A "+s.lab.Addr(12).String(),
		`gslb-heartbeat-eu.example.com. 5 IN TXT "v=1" "cluster=eu"`,
		`gslb-heartbeat-us.example.com. 5 IN TXT "v=1" "cluster=us"`)
	slices.Sort(want)
	s.until("BIND has everything", func() bool { return len(known(b)) == len(want) })
	assert.Equal(t, want, known(b), "exactly what is ours was added")

	t.Log("dig follows the delegation: name servers, their glue, and from there the answer")
	var servers []string
	for line := range strings.Lines(b.Dig(rr, "A", "+norecurse", "+noall", "+authority")) {
		servers = append(servers, strings.Fields(line)[4])
	}
	assert.ElementsMatch(t, []string{"gslb-ns-eu-cloud.example.com.", "gslb-ns-us-cloud.example.com."}, servers)
	for _, server := range servers {
		glue := strings.TrimSpace(b.Dig(server, "A", "+short"))
		got := strings.Fields(bindtest.Dig(t, "@"+glue, "-p", fmt.Sprint(s.lab.Port), rr, "A", "+short"))
		slices.Sort(got)
		assert.Equal(t, all, strings.Join(got, " "), "asked at %s", server)
	}

	t.Log("somebody else writes into the zone, and BIND goes away for a while")
	_, err := b.NSUpdate(bindtest.Key{Name: "admin", Secret: []byte(strings.Repeat("a", 32))},
		"update add new.example.com 60 A 192.0.2.1", "update delete cloud.example.com NS gslb-ns-us-cloud.example.com.")
	require.NoError(t, err)
	b.Stop()
	s.steady(2*time.Second, rr, all, eu, us)
	b.Restart()
	eu.ready(false)
	s.await(us.at(), rr, s.addrs(121, 122))
	assert.Contains(t, known(b), "new.example.com. 60 IN A 192.0.2.1")
}

// TestLinkCutBehindBIND: the alarms of two clusters meet in BIND's zone.
func TestLinkCutBehindBIND(t *testing.T) {
	s := newSite(t)
	b := s.startBIND("eu", "us")
	eu, us := s.cluster("eu", 11), s.cluster("us", 12)
	eu.extra, us.extra = []string{"--entry-check", "off"}, []string{"--entry-check", "off"}
	toUS, toEU := s.link(21, us), s.link(22, eu)
	eu.peers, us.peers = []string{"us=" + toUS.Addr()}, []string{"eu=" + toEU.Addr()}
	for _, c := range []*cluster{eu, us} {
		c.write(gslb("failover", fail, "failover", "primaryGeoTag: eu"))
		c.start()
	}
	want := s.addrs(111, 112)
	s.await(us.at(), fail, want)
	s.await(eu.at(), fail, want)
	toUS.Cut()
	toEU.Cut()
	s.steady(12*time.Second, fail, want, eu, us)
	s.until("us says that eu is vouched for", func() bool { return us.liveness("eu") == "vouched" })
	s.until("eu says that us is vouched for", func() bool { return eu.liveness("us") == "vouched" })
	s.until("eu says at the edge that it misses us", func() bool {
		return strings.Contains(b.Dig("gslb-heartbeat-eu.example.com", "TXT", "+short"), `"missed=us/`)
	})
	toUS.Heal()
	toEU.Heal()
	s.until("the alarms are taken back", func() bool {
		return !strings.Contains(b.Dig("gslb-heartbeat-eu.example.com", "TXT", "+short")+b.Dig("gslb-heartbeat-us.example.com", "TXT", "+short"), "missed")
	})
	s.steady(time.Second, fail, want, eu, us)
}

// TestWrongEdgeKey: one clear line, and the cluster goes on answering.
func TestWrongEdgeKey(t *testing.T) {
	s := newSite(t)
	b := s.startBIND("eu")
	before := known(b)
	other, err := s.lab.Key("edge-of-somebody-else")
	require.NoError(t, err)
	s.edgeKey = other
	eu := s.cluster("eu", 11)
	eu.write(gslb("roundrobin", rr, "roundRobin", ""))
	eu.start()
	s.await(eu.at(), rr, s.addrs(111, 112))
	s.until("the log says what is wrong", func() bool {
		return strings.Contains(eu.process.Log(), "does not know key edge-of-somebody-else.")
	})
	s.steady(3*time.Second, rr, s.addrs(111, 112), eu)
	assert.LessOrEqual(t, strings.Count(eu.process.Log(), "does not know key"), 3, "once for the delegation, the heartbeat and the search for peers, not at every attempt")
	assert.Equal(t, before, known(b))
}
