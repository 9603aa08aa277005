// SPDX-License-Identifier: Apache-2.0

//go:build e2e

// Package edge_test tries the edge against Debian's BIND, with dig and nsupdate
// as second opinions.
package edge_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/rfc2136"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/bindtest"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// patience bounds every wait; nothing here asserts a duration.
const patience = 60 * time.Second

var (
	cloud  = gslb.MustName("cloud.example.com")
	parent = gslb.MustName("example.com")

	euKey = bindtest.Key{Name: "meridian-eu", Secret: []byte(strings.Repeat("e", 32))}
	usKey = bindtest.Key{Name: "meridian-us", Secret: []byte(strings.Repeat("u", 32))}
	admin = bindtest.Key{Name: "admin", Secret: []byte(strings.Repeat("a", 32))}
)

// foreign is what others have in the edge zone; the wildcards lie in wait for
// readers who take them for records of ours.
const foreign = `
$ORIGIN example.com.
$TTL 300
@ SOA ns hostmaster 1 3600 600 604800 30
@ NS ns
@ MX 10 mail
@ TXT "v=spf1 -all"
ns A 127.0.0.1
mail A 192.0.2.25
* A 192.0.2.99
* TXT "v=spf1 -all"
_sip._tcp SRV 0 5 5060 mail
other NS ns.elsewhere.example.
cloud 30 NS ns.elsewhere.example.
gslb-ns-ap-cloud A 198.51.100.7
gslb-heartbeat-ap TXT "v=1" "cluster=ap"
`

// docBlock gives a fenced block of the page about BIND.
func docBlock(t *testing.T, kind string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/edge/bind.md")
	require.NoError(t, err)
	m := regexp.MustCompile("(?s)```" + regexp.QuoteMeta(kind) + "\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, m, "docs/edge/bind.md has no block of %s", kind)
	return string(m[1])
}

// documented is the configuration of the page with real secrets and paths, and
// a line for the administrator of the zone.
func documented(t *testing.T) string {
	t.Helper()
	return strings.NewReplacer(
		"SECRET-OF-EU", euKey.Base64(), "SECRET-OF-US", usKey.Base64(), "/var/lib/bind/", "DIR/",
		"update-policy {", "update-policy {\n\t\tgrant admin zonesub ANY;",
	).Replace(docBlock(t, "named.conf"))
}

func startBIND(t *testing.T, conf string) *bindtest.Server {
	t.Helper()
	return bindtest.Start(t, bindtest.Config{Conf: conf, Files: map[string]string{"example.com.zone": foreign}, Transfer: admin})
}

// member is a cluster's Keeper at work.
type member struct {
	t      *testing.T
	keeper *edge.Keeper
	worlds chan *gslb.World
	world  gslb.World
	stop   func() // ends it, and leaves what it wrote

	mu    sync.Mutex
	sight []gslb.Sighting
}

// Sight implements edge.Store.
func (m *member) Sight(s gslb.Sighting) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sight = append(m.sight, s)
}

func (m *member) saw(kind gslb.SightingKind) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.sight, func(s gslb.Sighting) bool { return s.Kind == kind })
}

func join(t *testing.T, s *bindtest.Server, tag gslb.GeoTag, key bindtest.Key, addrs []string, adjust ...func(*edge.Config)) *member {
	t.Helper()
	pub, err := rfc2136.New(rfc2136.Config{Servers: s.Addr.String(), Key: tsigkey.FromSecret(key.Name, "hmac-sha256", key.Secret)})
	require.NoError(t, err)
	t.Cleanup(pub.Close)
	m := &member{t: t, worlds: make(chan *gslb.World, 1), world: gslb.World{
		Self: tag, SelfID: string(tag) + "-id", Ready: true,
		Clusters: []gslb.Cluster{{Tag: "eu", ID: "eu-id", Liveness: gslb.Fresh}, {Tag: "us", ID: "us-id", Liveness: gslb.Fresh}},
		Zones:    []gslb.Zone{{ZoneIntent: gslb.ZoneIntent{Zone: cloud, EdgeZone: parent, Addrs: parse(addrs)}}},
	}}
	c := edge.Config{Worlds: m.worlds, Store: m, Publisher: pub, Instance: string(tag) + "-1", Ask: rfc2136.Ask}
	for _, f := range adjust {
		f(&c)
	}
	m.keeper, err = edge.New(c)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.keeper.Run(ctx) }()
	m.stop = sync.OnceFunc(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	t.Cleanup(m.stop)
	m.tell(nil)
	return m
}

func parse(addrs []string) (out []netip.Addr) {
	for _, a := range addrs {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

// tell gives the Keeper a World.
func (m *member) tell(change func(w *gslb.World)) {
	w := m.world
	w.Zones, w.Clusters = slices.Clone(w.Zones), slices.Clone(w.Clusters)
	if change != nil {
		change(&w)
	}
	m.world = w
	m.worlds <- &w
}

// until waits for something to become true.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !f(); <-tick.C {
		require.True(t, time.Now().Before(end), "waiting until %s", what)
	}
}

func (m *member) until(reason edge.Reason) edge.ZoneStatus {
	m.t.Helper()
	var s edge.ZoneStatus
	until(m.t, "the zone is "+string(reason), func() bool {
		for _, s = range m.keeper.Status() {
			if s.Reason == reason {
				return true
			}
		}
		return false
	})
	return s
}

// zone gives the zone as dig transfers it, without the SOA; heartbeats
// that are ours are cut to what does not change.
func zone(s *bindtest.Server) []string {
	lines := s.AXFR("example.com")
	for i, l := range lines {
		if strings.HasPrefix(l, "gslb-heartbeat-eu") || strings.HasPrefix(l, "gslb-heartbeat-us") {
			lines[i], _, _ = strings.Cut(l, ` "counter=`)
		}
	}
	slices.Sort(lines)
	return lines
}

// TestDocumentedSetUp runs the configuration of docs/edge/bind.md, and what the
// page says one sees then.
func TestDocumentedSetUp(t *testing.T) {
	s := startBIND(t, documented(t))
	before := zone(s)
	eu := join(t, s, "eu", euKey, []string{"203.0.113.10", "2001:db8::10"})
	us := join(t, s, "us", usKey, []string{"198.51.100.20"})
	eu.until(edge.ReasonDelegated)
	us.until(edge.ReasonDelegated)
	ours := []string{
		"cloud.example.com. 300 IN NS gslb-ns-eu-cloud.example.com.",
		"cloud.example.com. 300 IN NS gslb-ns-us-cloud.example.com.",
		"gslb-heartbeat-eu.example.com. 5 IN TXT \"v=1\" \"cluster=eu\" \"id=eu-id\" \"instance=eu-1\"",
		"gslb-heartbeat-us.example.com. 5 IN TXT \"v=1\" \"cluster=us\" \"id=us-id\" \"instance=us-1\"",
		"gslb-ns-eu-cloud.example.com. 300 IN A 203.0.113.10",
		"gslb-ns-eu-cloud.example.com. 300 IN AAAA 2001:db8::10",
		"gslb-ns-us-cloud.example.com. 300 IN A 198.51.100.20",
	}
	// One RRset has one TTL (RFC 2181 §5.2): the foreign NS takes that of ours.
	want := append(ours, "cloud.example.com. 300 IN NS ns.elsewhere.example.")
	for _, line := range before {
		if !strings.HasPrefix(line, "cloud.example.com. 30 ") {
			want = append(want, line)
		}
	}
	slices.Sort(want)
	until(t, "both heartbeats are there", func() bool { return len(zone(s)) == len(want) })
	assert.Equal(t, want, zone(s), "exactly what is ours was added, and nothing else changed")

	_, err := s.NSUpdate(admin, "update delete cloud.example.com NS ns.elsewhere.example.")
	require.NoError(t, err)
	console(t, s)
	buriesAndTakesBack(t, s.Addr, eu, us, usKey)
}

// console runs the dig lines of the page and compares what they print.
func console(t *testing.T, s *bindtest.Server) {
	t.Helper()
	var got, want []string
	for line := range strings.Lines(docBlock(t, "console")) {
		line = strings.TrimSpace(line)
		if cmd, ok := strings.CutPrefix(line, "$ dig @192.0.2.53 "); ok {
			out := strings.Split(strings.TrimSpace(s.Dig(strings.Fields(cmd)...)), "\n")
			for i := range out {
				out[i] = strings.Join(strings.Fields(out[i]), " ")
			}
			slices.Sort(out)
			got = append(got, out...)
			continue
		}
		want = append(want, line)
	}
	require.Len(t, got, len(want))
	for i := range want {
		if begin, _, cut := strings.Cut(want[i], " …"); cut {
			assert.True(t, strings.HasPrefix(got[i], begin), "dig says %s", got[i])
		} else {
			assert.Equal(t, want[i], got[i])
		}
	}
}

// TestForeignRecordsAreUntouched lets somebody else write into the zone all the
// time, and takes everything of ours away at the end.
func TestForeignRecordsAreUntouched(t *testing.T) {
	s := startBIND(t, documented(t))
	before := zone(s)
	eu := join(t, s, "eu", euKey, []string{"203.0.113.10"})
	for i := range 10 {
		out, err := s.NSUpdate(admin, fmt.Sprintf("update add host-%d.example.com 60 A 192.0.2.%d", i, i))
		require.NoError(t, err, out)
		eu.tell(func(w *gslb.World) {
			w.Zones[0].Addrs = parse([]string{fmt.Sprintf("203.0.113.%d", 20+i), "2001:db8::10"})
		})
	}
	until(t, "the last address alone is there", func() bool {
		s := eu.keeper.Status()
		return len(s) == 1 && s[0].OK && slices.ContainsFunc(s[0].NameServers, func(ns gslb.NameServer) bool {
			return ns.Cluster == "eu" && slices.Equal(ns.Addrs, parse([]string{"203.0.113.29", "2001:db8::10"}))
		})
	})
	for i := range 10 {
		_, err := s.NSUpdate(admin, fmt.Sprintf("update delete host-%d.example.com A", i))
		require.NoError(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, eu.keeper.Remove(ctx, cloud, parent))
	for i := range before { // its set had ours in it, whose TTL it took
		before[i] = strings.Replace(before[i], "cloud.example.com. 30 IN NS", "cloud.example.com. 300 IN NS", 1)
	}
	slices.Sort(before)
	assert.Equal(t, before, zone(s))
}

func TestRefusalsOfBIND(t *testing.T) {
	s := startBIND(t, documented(t))
	stranger := bindtest.Key{Name: "stranger", Secret: euKey.Secret}
	wrong := bindtest.Key{Name: "meridian-eu", Secret: []byte(strings.Repeat("x", 32))}
	before := zone(s)
	page, err := os.ReadFile("../../docs/edge/bind.md")
	require.NoError(t, err)
	for _, c := range []struct {
		name  string
		key   bindtest.Key
		rcode string
		log   string // of BIND, as the page has it
		says  string
	}{
		{"a key that BIND does not have", stranger, "BADKEY", "tsig verify failure (BADKEY)", "does not know key stranger."},
		{"another secret", wrong, "BADSIG", "tsig verify failure (BADSIG)", "another secret"},
		{"a key that may not write these names", usKey, "REFUSED", "rejected by secure update (REFUSED)", "does not accept these updates of example.com. with key meridian-us.:hmac-sha256.; allow them with update-policy or allow-update"},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := join(t, s, "eu", c.key, []string{"203.0.113.10"}).until(edge.ReasonRefused)
			assert.False(t, st.OK)
			assert.Equal(t, c.rcode, st.RCODE)
			assert.Contains(t, st.Message, c.says)
			assert.Contains(t, s.Log(), c.log)
			assert.Contains(t, string(page), "`"+c.log+"`")
		})
	}
	assert.Equal(t, before, zone(s), "none of it changed anything")
	t.Run("a zone that it does not hold", func(t *testing.T) {
		m := join(t, s, "eu", euKey, nil)
		m.tell(func(w *gslb.World) {
			w.Zones[0].Zone, w.Zones[0].EdgeZone, w.Zones[0].Addrs = gslb.MustName("cloud.example.org"), gslb.MustName("example.org"), parse([]string{"203.0.113.10"})
		})
		st := m.until(edge.ReasonRefused)
		assert.Equal(t, "REFUSED", st.RCODE)
		assert.Contains(t, st.Message, "whether it holds the zone")
	})
}

// TestIgnoredUpdatesAreFound: BIND answers NOERROR when an address is added
// beside a CNAME, and does nothing (RFC 2136 §3.4.2.2).
func TestIgnoredUpdatesAreFound(t *testing.T) {
	s := startBIND(t, documented(t))
	_, err := s.NSUpdate(admin, "update add gslb-ns-eu-cloud.example.com 300 CNAME www.example.net.")
	require.NoError(t, err)
	eu := join(t, s, "eu", euKey, []string{"203.0.113.10"})
	st := eu.until(edge.ReasonIgnored)
	assert.Contains(t, st.Message, "gslb-ns-eu-cloud.example.com. A 203.0.113.10 is missing")
	assert.Contains(t, st.Message, "a CNAME to www.example.net. stands at the name")
	_, err = s.NSUpdate(admin, "update delete gslb-ns-eu-cloud.example.com CNAME")
	require.NoError(t, err)
	eu.until(edge.ReasonDelegated)
}

// TestAlarmsMeetAtTheEdge is the cut link: each side reads the other's alarm.
func TestAlarmsMeetAtTheEdge(t *testing.T) {
	s := startBIND(t, documented(t))
	sentAt := time.Now()
	sent := func(c *edge.Config) {
		c.Sent = func(_ string, n uint64) (time.Time, bool) { return sentAt, n == 7 }
		other := map[string]gslb.GeoTag{"eu-1": "us", "us-1": "eu"}[c.Instance]
		c.Heard = func() []edge.HeardKeepAlive {
			return []edge.HeardKeepAlive{{Cluster: other, Instance: string(other) + "-1", Number: 7}}
		}
	}
	eu := join(t, s, "eu", euKey, []string{"203.0.113.10"}, sent)
	us := join(t, s, "us", usKey, []string{"198.51.100.20"}, sent)
	eu.until(edge.ReasonDelegated)
	us.until(edge.ReasonDelegated)
	for m, other := range map[*member]int{eu: 1, us: 0} {
		m.tell(func(w *gslb.World) {
			w.Clusters[other].Liveness = gslb.Doubtful
			w.Alarm.Missed = []gslb.GeoTag{w.Clusters[other].Tag}
		})
	}
	for _, m := range []*member{eu, us} {
		until(t, "the other's alarm vouches for it", func() bool { return m.saw(gslb.Heartbeat) && m.saw(gslb.OutsideSeen) })
	}
	assert.Contains(t, s.Dig("gslb-heartbeat-eu.example.com", "TXT", "+short"), `"missed=us/us-1/7"`)
}

// TestInstancesRaceForTheHeartbeat has three replicas with the same alarm.
func TestInstancesRaceForTheHeartbeat(t *testing.T) {
	s := startBIND(t, documented(t))
	var all []*member
	for i := range 3 {
		all = append(all, join(t, s, "eu", euKey, []string{"203.0.113.10"}, func(c *edge.Config) { c.Instance = fmt.Sprintf("eu-%d", i) }))
	}
	for _, m := range all {
		m.until(edge.ReasonDelegated)
	}
	for _, m := range all {
		m.tell(func(w *gslb.World) { w.Alarm.Missed = []gslb.GeoTag{"us"} })
	}
	until(t, "the alarm is there", func() bool {
		return strings.Contains(s.Dig("gslb-heartbeat-eu.example.com", "TXT", "+short"), `"missed=us"`)
	})
	assert.Equal(t, 1, strings.Count(s.Dig("gslb-heartbeat-eu.example.com", "TXT", "+short"), `"v=1"`), "there is one heartbeat")
	for _, m := range all {
		m.tell(func(w *gslb.World) { w.Alarm.Missed = nil })
	}
	until(t, "it is calm again", func() bool {
		return !strings.Contains(s.Dig("gslb-heartbeat-eu.example.com", "TXT", "+short"), `"missed=us"`)
	})
	for _, m := range all {
		assert.True(t, m.keeper.Status()[0].OK)
	}
}

// TestOutageOfTheEdge stops BIND, changes what is wanted, and starts it again.
func TestOutageOfTheEdge(t *testing.T) {
	s := startBIND(t, documented(t))
	eu := join(t, s, "eu", euKey, []string{"203.0.113.10"})
	eu.until(edge.ReasonDelegated)
	s.Stop()
	eu.tell(func(w *gslb.World) { w.Zones[0].Addrs = parse([]string{"203.0.113.11"}) })
	st := eu.until(edge.ReasonUnreachable)
	assert.Contains(t, st.Message, "does not answer")
	assert.Empty(t, st.RCODE)
	s.Restart()
	eu.until(edge.ReasonDelegated)
	until(t, "the old address is gone", func() bool {
		return strings.TrimSpace(s.Dig("gslb-ns-eu-cloud.example.com", "A", "+short")) == "203.0.113.11"
	})
}
