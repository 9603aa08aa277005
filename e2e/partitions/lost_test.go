// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/lab"
)

// fault is a way to lose a whole cluster, application and all.
type fault struct {
	name       string
	begin, end func(c *cluster)
}

// revive starts what was killed.
func (c *cluster) revive() {
	c.startApp()
	for _, i := range c.instances {
		i.start()
	}
}

var (
	killed = fault{"killed", func(c *cluster) { c.all((*lab.Process).Kill) }, (*cluster).revive}
	frozen = fault{"frozen", func(c *cluster) { c.all((*lab.Process).Freeze) }, func(c *cluster) { c.all((*lab.Process).Thaw) }}
	pulled = fault{"unplugged", func(c *cluster) { c.w.unplug(c.space) }, func(c *cluster) { c.w.plug(c.space) }}
)

// lostAndBack loses a cluster and gets it back.
func (w *world) lostAndBack(c *cluster, f fault) {
	w.t.Helper()
	w.seen.leave(c.instances...)
	since := time.Now()
	f.begin(c)
	c.setServes(false)
	w.seen.within(f.name+" → gone", w.seen.gone(c.tag, since), lostWithin, since)
	w.pass(2 * time.Second)
	since = time.Now()
	c.setServes(true)
	f.end(c)
	w.seen.back(c.instances...)
	if f.name == pulled.name {
		since = time.Now() // the kernel takes up to a second until the link carries packets
	}
	w.seen.within(f.name+", healed → all equal", w.seen.equal(since), healWithin, since)
	w.settle()
}

// TestClusterLost: the primary is lost in every way, with two clusters and with three.
func TestClusterLost(t *testing.T) {
	for name, tags := range map[string][]string{"two clusters": {"eu", "us"}, "three clusters": {"eu", "us", "ap"}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, plan{clusters: tags})
			for _, f := range []fault{frozen, killed, pulled} {
				w.lostAndBack(w.of("eu"), f)
			}
			w.seen.judge(6, 6)
		})
	}
}

// TestMeridianFrozen: all of Meridian in eu stands still, its application serves and is
// asked as clients would.
func TestMeridianFrozen(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}})
	eu := w.of("eu")
	w.seen.leave(eu.instances...)
	require.NoError(t, eu.one().process.Freeze())
	w.pass(cutFor)
	require.NoError(t, eu.one().process.Thaw())
	w.seen.back(eu.instances...)
	w.healed()
	w.seen.judge(0, 0)
}

// TestMeridianFrozenAndEntriesNotAsked: then nobody knows that the application serves.
func TestMeridianFrozenAndEntriesNotAsked(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}, noChecks: true})
	eu := w.of("eu")
	w.seen.leave(eu.instances...)
	since := time.Now()
	require.NoError(t, eu.one().process.Freeze())
	w.seen.within("Meridian frozen → gone", w.seen.gone("eu", since), lostWithin, since)
	require.NoError(t, eu.one().process.Thaw())
	w.seen.back(eu.instances...)
	w.healed()
	w.seen.judge(2, 2)
}

// TestOwnApplicationDownPeerLost: what the peer offered last is answered before nothing.
func TestOwnApplicationDownPeerLost(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}})
	eu, us := w.of("eu"), w.of("us")
	w.seen.leave(eu.instances...)
	since := time.Now()
	killed.begin(eu)
	eu.setServes(false)
	w.seen.within("killed → gone", w.seen.gone("eu", since), lostWithin, since)
	w.seen.lastResort(true)
	since = time.Now()
	us.turn(false)
	took := w.seen.after(since, "us answers what eu offered last", func(_, text string) bool { return text == w.entries("eu") })
	w.told("own application down → the peer's last offers", took)
	w.pass(3 * time.Second)
	us.turn(true)
	w.until("us answers its own", func() bool { return w.seen.latest(asked{"us", fail}).text == w.entries("us") })
	w.seen.lastResort(false)
	eu.setServes(true)
	killed.end(eu)
	w.seen.back(eu.instances...)
	w.healed()
	w.seen.judge(4, 4)
}

// TestEdgeDiesWithThePrimary: an anchor answers, so that us knows that it is not the one
// cut off.
func TestEdgeDiesWithThePrimary(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}, prepare: func(w *world) {
		anchor := w.attach("anchor", 150, dnsN)
		serveAnchor(anchor)
		for _, c := range w.clusters {
			c.extra = []string{"--anchors", anchor.at(dnsN)}
		}
	}})
	eu := w.of("eu")
	w.seen.leave(eu.instances...)
	since := time.Now()
	w.unplug(eu.space)
	w.unplug(w.edge.space)
	eu.setServes(false)
	w.seen.within("unplugged, and the edge with it → gone", w.seen.gone("eu", since), lostWithin, since)
	w.pass(2 * time.Second)
	eu.setServes(true)
	w.plug(eu.space)
	w.plug(w.edge.space)
	w.seen.back(eu.instances...)
	since = time.Now()
	w.seen.within("healed → all equal", w.seen.equal(since), healWithin, since)
	w.settle()
	w.seen.judge(2, 2)
}

// serveAnchor answers whatever is asked, as a name server that knows nothing.
func serveAnchor(s *space) {
	s.t.Helper()
	tcp, udp := s.listen(net.JoinHostPort(s.addr(dnsN).String(), "53"))
	refuse := dns.HandlerFunc(func(rw dns.ResponseWriter, m *dns.Msg) {
		_ = rw.WriteMsg(new(dns.Msg).SetRcode(m, dns.RcodeRefused)) // lost, as answers are
	})
	for _, srv := range []*dns.Server{{Listener: tcp, Handler: refuse}, {PacketConn: udp, Handler: refuse}} {
		go func() { _ = srv.ActivateAndServe() }() // ends with its listener
	}
}

// TestKeyChangedOnOneSide: signatures do not hold any more, which is no sign of death;
// without an edge and without checks nothing else vouches.
func TestKeyChangedOnOneSide(t *testing.T) {
	var key string
	w := newWorld(t, plan{clusters: []string{"eu", "us"}, noEdge: true, noChecks: true, prepare: func(w *world) {
		key = w.copyKey(w.peerKey, "peers-us")
		w.of("us").peerKey = key
	}})
	eu, us := w.of("eu"), w.of("us")
	old := w.secret(key)
	w.setSecret(key, "YW5vdGhlciBzZWNyZXQsIG9mIHVzIGFsb25lIC4uLi4=")
	w.pass(cutFor)
	for _, pair := range [][2]*cluster{{eu, us}, {us, eu}} {
		assert.Equal(t, "vouched", pair[0].one().liveness(pair[1].tag))
		assert.Equal(t, "badSignature", pair[0].one().witness(pair[1].tag))
		assert.True(t, pair[0].one().logged("do not accept each other's signatures"), "and says so")
	}
	w.setSecret(key, old)
	w.until("they hear each other again", func() bool {
		return eu.one().liveness("us") == "fresh" && us.one().liveness("eu") == "fresh"
	})
	w.settle()
	w.seen.judge(0, 0)
}
