// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEdgeAway: the edge is killed, and later unplugged. Nothing changes, and what
// changes at home counts.
func TestEdgeAway(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}})
	us := w.of("us")
	require.NoError(t, w.edge.process.Kill())
	w.pass(6 * time.Second)
	w.turnsAndAllFollow(us)
	w.edge.start()
	w.settle()
	w.unplug(w.edge.space)
	w.pass(6 * time.Second)
	w.turnsAndAllFollow(us)
	w.plug(w.edge.space)
	w.settle()
	w.seen.judge(4, 0)
}

// TestEdgeRestored: the edge zone is that of before any cluster had written to it; others
// have written to it meanwhile.
func TestEdgeRestored(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}})
	w.edge.restore()
	since := time.Now()
	w.edge.put("new.example.com. 60 IN A 192.0.2.1")
	w.seen.expectOthers()
	w.until("the delegation is there again", func() bool { return w.edge.calm() })
	t.Logf("restored → the delegation is there again: %d ms", time.Since(since).Milliseconds())
	w.seen.judge(0, 0)
}

// TestNoEdgeLinkCut: nobody vouches, so each takes the other for lost and answers with
// its own, and they come to one answer by one change when they hear each other.
func TestNoEdgeLinkCut(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}, noEdge: true, noChecks: true})
	since := time.Now()
	eu, us := w.of("eu"), w.of("us")
	w.cut(eu.space, us.space)
	w.until("each answers with its own", func() bool {
		return w.seen.latest(asked{"eu", rr}).text == w.entries("eu") && w.seen.latest(asked{"us", fail}).text == w.entries("us")
	})
	w.pass(cutFor - time.Since(since))
	w.healed()
	w.seen.judge(2, 2)
}

// TestNoEdgeLinkCutWithAWitness: a third cluster that offers nothing vouches for both.
func TestNoEdgeLinkCutWithAWitness(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us", "ap"}, noEdge: true, noChecks: true, prepare: func(w *world) {
		w.of("ap").offerNothing()
	}})
	w.cut(w.of("eu").space, w.of("us").space)
	w.pass(cutFor)
	w.turnsAndAllFollow(w.of("us"))
	w.healed()
	w.seen.judge(2, 0)
}
