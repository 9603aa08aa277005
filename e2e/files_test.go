// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/lab"
)

const (
	rr   = "roundrobin." + lab.Zone
	fail = "failover." + lab.Zone
)

// TestTwoClustersFromFiles is the main job without Kubernetes: objects in
// folders, two clusters, an edge that follows the delegation they publish.
func TestTwoClustersFromFiles(t *testing.T) {
	s := newSite(t)
	s.startEdge()
	eu, us := s.cluster("eu", 11), s.cluster("us", 12)
	eu.write(gslb("roundrobin", rr, "roundRobin", ""), gslb("failover", fail, "failover", "primaryGeoTag: eu"))
	us.write(gslb("roundrobin", rr, "roundRobin", ""), gslb("failover", fail, "failover", "primaryGeoTag: eu"))
	eu.start()
	us.start()

	edge := s.lab.At(edgeN)
	all := s.addrs(111, 112, 121, 122)
	for _, server := range []string{edge, eu.at(), us.at()} {
		s.await(server, rr, all)
		s.await(server, fail, s.addrs(111, 112))
	}

	t.Log("the answer is authoritative, with the question's case and the host's TTL")
	m, err := lab.Ask(t.Context(), eu.at(), "RoundRobin.Cloud.Example.com", dns.TypeA)
	require.NoError(t, err)
	assert.True(t, m.Authoritative)
	assert.Equal(t, "RoundRobin.Cloud.Example.com.", m.Question[0].Name)
	assert.Len(t, m.Answer, 4)
	assert.EqualValues(t, 30, m.Answer[0].Header().Ttl)

	t.Log("apex NS agree with the delegation")
	ns, err := lab.Ask(t.Context(), us.at(), lab.Zone, dns.TypeNS)
	require.NoError(t, err)
	var names []string
	for _, rr := range ns.Answer {
		names = append(names, rr.(*dns.NS).Ns)
	}
	assert.ElementsMatch(t, []string{"gslb-ns-eu-cloud.example.com.", "gslb-ns-us-cloud.example.com."}, names)
	s.await(edge, "gslb-ns-eu-cloud.example.com", s.addrs(11))

	t.Log("the primary's backends go away, then both clusters', then they come back")
	eu.ready(false)
	for _, server := range []string{eu.at(), us.at(), edge} {
		s.await(server, fail, s.addrs(121, 122))
		s.await(server, rr, s.addrs(121, 122))
	}
	us.ready(false)
	s.await(eu.at(), fail, "NODATA")
	s.await(us.at(), fail, "NODATA")
	us.ready(true)
	s.await(eu.at(), fail, s.addrs(121, 122))
	eu.ready(true)
	s.await(us.at(), fail, s.addrs(111, 112))
	s.await(edge, rr, all)

	t.Log("a broken file keeps the last good state and names file, line and field")
	eu.file("gslb-failover.yaml", strings.Replace(gslb("failover", fail, "failover", "primaryGeoTag: eu"), "type: failover", "type: fallover", 1))
	s.until("the error of the broken file", func() bool {
		log := eu.process.Log()
		return strings.Contains(log, "gslb-failover.yaml:") && strings.Contains(log, "spec.strategy.type")
	})
	assert.Equal(t, s.addrs(111, 112), lab.Addrs(t.Context(), us.at(), fail))

	t.Log("one cluster is killed: it leaves the answers; it returns: it is back")
	require.NoError(t, eu.process.Kill())
	took := s.await(us.at(), rr, s.addrs(121, 122))
	t.Logf("eu left the answers of us %v after it was killed", took)
	s.await(edge, rr, s.addrs(121, 122))
	eu.start()
	s.await(us.at(), rr, all)
}

// TestLinkCutChangesNoAnswer: two clusters that reach the edge but not each other
// vouch for themselves there.
func TestLinkCutChangesNoAnswer(t *testing.T) {
	s := newSite(t)
	s.startEdge()
	eu, us := s.cluster("eu", 11), s.cluster("us", 12)
	eu.extra, us.extra = []string{"--entry-check", "off"}, []string{"--entry-check", "off"}
	toUS, toEU := s.link(21, us), s.link(22, eu)
	eu.peers, us.peers = []string{"us=" + toUS.Addr()}, []string{"eu=" + toEU.Addr()}
	eu.write(gslb("failover", fail, "failover", "primaryGeoTag: eu"))
	us.write(gslb("failover", fail, "failover", "primaryGeoTag: eu"))
	eu.start()
	us.start()
	want := s.addrs(111, 112)
	s.await(us.at(), fail, want)
	s.await(eu.at(), fail, want)

	toUS.Cut()
	toEU.Cut()
	s.steady(12*time.Second, fail, want, eu, us)
	s.until("us says that eu is vouched for", func() bool { return us.liveness("eu") == "vouched" })
	s.until("eu says that us is vouched for", func() bool { return eu.liveness("us") == "vouched" })

	toUS.Heal()
	toEU.Heal()
	s.until("us hears eu again", func() bool { return us.liveness("eu") == "fresh" })
	assert.Equal(t, want, lab.Addrs(t.Context(), us.at(), fail))
}

// TestWeightsHold counts 10,000 answers of a host with weights 1:3.
func TestWeightsHold(t *testing.T) {
	s := newSite(t)
	eu, us := s.cluster("eu", 11), s.cluster("us", 12)
	eu.peers, us.peers = []string{"us=" + us.at()}, []string{"eu=" + eu.at()}
	const host = "weighted." + lab.Zone
	for _, c := range []*cluster{eu, us} {
		c.write(gslb("weighted", host, "weightedRoundRobin", "weight: {eu: 1, us: 3}"))
		c.start()
	}
	euAddrs, usAddrs := s.addrs(111, 112), s.addrs(121, 122)
	s.until("both clusters are drawn", func() bool {
		return lab.Addrs(t.Context(), eu.at(), host) == usAddrs
	})
	counts := map[string]int{}
	c := dns.Client{Timeout: time.Minute}
	conn, err := c.DialContext(t.Context(), eu.at())
	require.NoError(t, err)
	defer conn.Close()
	const n = 10_000
	for range n {
		m, _, err := c.ExchangeWithConnContext(t.Context(), new(dns.Msg).SetQuestion(host+".", dns.TypeA), conn)
		require.NoError(t, err)
		counts[sortedAddrs(m)]++
	}
	assert.Equal(t, n, counts[euAddrs]+counts[usAddrs], "each answer is the addresses of one cluster: %v", counts)
	// Five standard deviations of a binomial with p = 1/4 are 217.
	assert.InDelta(t, n/4, counts[euAddrs], 217, "%v", counts)
}

// TestCalledWrongly: each mistake gives one clear line and the right exit code.
func TestCalledWrongly(t *testing.T) {
	s := newSite(t)
	key, err := s.lab.Key("k")
	require.NoError(t, err)
	dir := t.TempDir()
	busy := s.lab.At(1)
	s.occupy(busy)
	for _, c := range []struct {
		why  string
		args []string
		code int
		want string
	}{
		{"no tag", []string{"serve"}, 2, "--geo-tag: is required"},
		{"a zone without its parent", []string{"serve", "--geo-tag", "eu", "--zone", lab.Zone}, 2, "--edge-zone: is missing beside --zone"},
		{"an unknown flag", []string{"serve", "--geotag", "eu"}, 2, "unknown flag: --geotag"},
		{"an unknown command", []string{"serv"}, 2, `unknown command "serv"`},
		{"a folder that is not there", []string{"serve", "--geo-tag", "eu", "--manifests", dir + "/none", "--zone", lab.Zone, "--edge-zone", lab.EdgeZone, "--dns-listen", s.lab.At(2), "--metrics-listen", "", "--probe-listen", ""}, 1, dir + "/none"},
		{"a port in use", []string{"serve", "--geo-tag", "eu", "--manifests", dir, "--zone", lab.Zone, "--edge-zone", lab.EdgeZone, "--dns-listen", busy, "--metrics-listen", "", "--probe-listen", ""}, 1, busy},
		{"a kubeconfig that is not there", []string{"serve", "--geo-tag", "eu", "--kubeconfig", dir + "/none", "--dns-listen", s.lab.At(2), "--metrics-listen", "", "--probe-listen", ""}, 1, dir + "/none"},
		{"an edge without a key", []string{"edge", "--zone", lab.EdgeZone}, 2, "--tsig-key: is required"},
		{"an edge on a port in use", []string{"edge", "--zone", lab.EdgeZone, "--tsig-key", key, "--listen", busy}, 1, busy},
		{"explain without a server", []string{"explain", rr, "--server", "http://" + s.lab.At(3)}, 1, "no meridian answers at"},
	} {
		t.Run(c.why, func(t *testing.T) {
			p, err := s.lab.Start("wrong", c.args...)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			code, err := p.ExitCode(ctx)
			require.NoError(t, err)
			assert.Equal(t, c.code, code, p.Log())
			assert.Contains(t, p.LogTail(3), c.want)
		})
	}
}

// TestWrongPeerKey: clusters with different keys exchange nothing, say so, and
// each serves alone.
func TestWrongPeerKey(t *testing.T) {
	s := newSite(t)
	eu, us := s.cluster("eu", 11), s.cluster("us", 12)
	eu.peers, us.peers = []string{"us=" + us.at()}, []string{"eu=" + eu.at()}
	other, err := s.lab.Key("other")
	require.NoError(t, err)
	us.peerKey = other
	for _, c := range []*cluster{eu, us} {
		c.write(gslb("roundrobin", rr, "roundRobin", ""))
		c.start()
	}
	s.await(eu.at(), rr, s.addrs(111, 112))
	s.await(us.at(), rr, s.addrs(121, 122))
	s.until("eu says what is wrong with the key", func() bool {
		return strings.Contains(eu.process.Log(), "the peer does not know our key")
	})
}

// TestExplain asks the running process why.
func TestExplain(t *testing.T) {
	s := newSite(t)
	eu := s.cluster("eu", 11)
	eu.write(gslb("failover", fail, "failover", "primaryGeoTag: us"))
	eu.start()
	s.await(eu.at(), fail, s.addrs(111, 112))
	p, err := s.lab.Start("explain", "explain", fail, "--server", eu.metrics(), "--client", "203.0.113.9")
	require.NoError(t, err)
	code, err := p.ExitCode(t.Context())
	require.NoError(t, err)
	require.Zero(t, code, p.Log())
	assert.Contains(t, p.Log(), "PrimaryUnavailable")
	assert.Contains(t, p.Log(), `the policy names cluster "us", which nobody has heard of`)
	assert.Contains(t, p.Log(), s.lab.Addr(111).String())
}
