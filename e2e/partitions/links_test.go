// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// cutFor is how long links stay cut: silence is judged after 4.5 s, an alarm is
// renewed after 5 s.
const cutFor = 9 * time.Second

// healed heals every link and holds what is promised of it.
func (w *world) healed() {
	w.t.Helper()
	if len(w.links.bridge)+len(w.links.doors) > 0 {
		assert.Positive(w.t, w.dropped(), "the fault was there")
	}
	since := time.Now()
	w.healLinks()
	w.seen.within("links healed → all equal", w.seen.equal(since), healWithin, since)
	w.settle()
}

// TestLinkCut: two clusters that reach the edge and clients, and not each other, not
// even each other's entries. A change at home counts at once meanwhile.
func TestLinkCut(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}})
	eu, us := w.of("eu"), w.of("us")
	w.cut(eu.space, us.space)
	w.pass(cutFor)
	for _, c := range w.clusters {
		other := map[string]string{"eu": "us", "us": "eu"}[c.tag]
		assert.Equal(t, "vouched", c.one().liveness(other))
		assert.Equal(t, "heartbeat", c.one().witness(other))
	}
	w.healed()
	w.seen.judge(0, 0)
}

// TestOneWayCut: what one cluster sends is dropped at the other's door, one way after
// the other.
func TestOneWayCut(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}, noChecks: true})
	eu, us := w.of("eu"), w.of("us")
	for _, way := range [][2]*cluster{{eu, us}, {us, eu}} {
		w.refusePackets(way[0].space, way[1].space)
		w.pass(cutFor)
		assert.Equal(t, "vouched", us.one().liveness("eu"))
		assert.Equal(t, "vouched", eu.one().liveness("us"))
		w.healed()
	}
	w.seen.judge(0, 0)
}

// TestOneWayConnections: one cluster cannot connect to the other, which can: being called
// is a sign of life.
func TestOneWayConnections(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}, noChecks: true})
	eu, us := w.of("eu"), w.of("us")
	for _, way := range [][2]*cluster{{eu, us}, {us, eu}} {
		w.refuseConnections(way[0].space, way[1].space)
		w.pass(cutFor)
		assert.Equal(t, "fresh", us.one().liveness("eu"))
		assert.Equal(t, "fresh", eu.one().liveness("us"))
		w.healed()
	}
	w.seen.judge(0, 0)
}

// TestOneWayConnectionsWithAThird: the same with a third cluster, by which news come.
func TestOneWayConnectionsWithAThird(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us", "ap"}, noChecks: true})
	eu, us := w.of("eu"), w.of("us")
	w.refuseConnections(us.space, eu.space)
	w.pass(cutFor)
	w.turnsAndAllFollow(us)
	w.healed()
	w.seen.judge(2, 0)
}

// turnsAndAllFollow turns a cluster off and on and waits until everybody says so.
func (w *world) turnsAndAllFollow(c *cluster) {
	w.t.Helper()
	for _, ready := range []bool{false, true} {
		since := time.Now()
		c.turn(ready)
		w.told(fmt.Sprintf("%s ready: %t → all say so", c.tag, ready), w.seen.equal(since))
	}
}

// TestLinkCutWithoutTheEdge: clusters cannot exchange, and eu cannot reach the edge to say
// that it lives; its entries answer.
func TestLinkCutWithoutTheEdge(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}})
	eu, us := w.of("eu"), w.of("us")
	w.cutDNS(eu.space, us.space)
	w.cut(eu.space, w.edge.space)
	w.pass(cutFor)
	assert.Contains(t, us.one().explain(fail), "cluster eu is silent, but its entries answer for this host")
	assert.Equal(t, "lost", us.one().liveness("eu"), "what vouches for a host does not vouch for its cluster")
	w.healed()
	w.seen.judge(0, 0)
}

// TestCutOff: us reaches neither eu nor the edge, and clients reach it: it is the one cut
// off, and keeps what it answered; eu does not know whether anything there serves.
func TestCutOff(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}, noChecks: true})
	eu, us := w.of("eu"), w.of("us")
	since := time.Now()
	w.cut(us.space, eu.space)
	w.cut(us.space, w.edge.space)
	w.until("eu takes us for lost", func() bool { return eu.one().liveness("us") == "lost" })
	w.pass(cutFor - time.Since(since))
	assert.Contains(t, us.one().metrics(), "\nmeridian_gslb_isolated 1\n")
	w.healed()
	assert.Empty(t, w.seen.changes("us", rr), "us is isolated and keeps its answers")
	assert.Empty(t, w.seen.changes("us", fail), "us is isolated and keeps its answers")
	w.seen.judge(2, 0)
}

// TestThreeClustersOneLinkCut: the third vouches, and passes on what changes.
func TestThreeClustersOneLinkCut(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us", "ap"}})
	eu, us := w.of("eu"), w.of("us")
	w.cut(eu.space, us.space)
	w.pass(cutFor)
	assert.Equal(t, "vouched", us.one().liveness("eu"))
	assert.Equal(t, "thirdCluster", us.one().witness("eu"))
	w.turnsAndAllFollow(eu)
	w.healed()
	w.seen.judge(2, 2)
}

// TestThreeClustersOneCutFromBoth: its alarm at the edge vouches for it, and theirs for
// them.
func TestThreeClustersOneCutFromBoth(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us", "ap"}})
	eu, us, ap := w.of("eu"), w.of("us"), w.of("ap")
	w.cut(eu.space, us.space)
	w.cut(eu.space, ap.space)
	w.pass(cutFor)
	for _, pair := range [][2]*cluster{{us, eu}, {ap, eu}, {eu, us}, {eu, ap}} {
		assert.Equal(t, "vouched", pair[0].one().liveness(pair[1].tag))
		assert.Equal(t, "heartbeat", pair[0].one().witness(pair[1].tag))
	}
	w.healed()
	w.seen.judge(0, 0)
}
