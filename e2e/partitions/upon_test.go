// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Faults upon faults: what vouches goes, comes back as another, or comes and goes.

// TestEdgeLostDuringACut: the link is cut, then the edge goes too: both are cut off and
// keep what they answered. It comes back as it was long ago.
func TestEdgeLostDuringACut(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}, noChecks: true})
	w.cut(w.of("eu").space, w.of("us").space)
	w.pass(7 * time.Second)
	require.NoError(t, w.edge.process.Kill())
	w.pass(2 * cutFor)
	w.edge.start()
	w.pass(cutFor)
	w.edge.restore()
	w.pass(cutFor)
	since := time.Now()
	w.healLinks()
	w.seen.within("links healed → all equal", w.seen.equal(since), healWithin, since)
	w.seen.judge(0, 0)
}

// TestRestartDuringACut: an instance of a cluster that is vouched for by its alarm starts
// again, and has never heard the other.
func TestRestartDuringACut(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}, noChecks: true, prepare: func(w *world) {
		for _, c := range w.clusters {
			c.keeps = true
		}
	}})
	eu := w.of("eu")
	eu.kept()
	w.cut(eu.space, w.of("us").space)
	w.pass(7 * time.Second)
	w.seen.leave(eu.one())
	require.NoError(t, eu.one().process.Stop())
	eu.one().start()
	w.seen.back(eu.one())
	w.pass(3 * cutFor)
	assert.Equal(t, "vouched", w.of("us").one().liveness("eu"))
	assert.Equal(t, "vouched", eu.one().liveness("us"))
	w.healed()
	w.seen.judge(0, 0)
}

// TestDeathDuringACut: a cluster that is vouched for by its alarm dies. It is believed
// for three intervals of the alarm.
func TestDeathDuringACut(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}})
	eu := w.of("eu")
	w.cut(eu.space, w.of("us").space)
	w.pass(7 * time.Second)
	w.seen.leave(eu.one())
	since := time.Now()
	killed.begin(eu)
	took := w.seen.gone("eu", since)
	w.seen.within("killed while its alarm vouches → gone", took, 15*time.Second+slack, since)
	w.seen.alone = append(w.seen.alone, span{since, time.Now()}) // as told: longer than without the cut
	eu.setServes(false)
	eu.setServes(true)
	killed.end(eu)
	w.seen.back(eu.one())
	w.healed()
	w.seen.judge(2, 2)
}

// TestFlappingLink: the link is cut for times around those after which something is
// decided, again and again.
func TestFlappingLink(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}, noChecks: true})
	for _, cut := range []time.Duration{1900, 2100, 2900, 3100, 4400, 4600, 5200, 6500} {
		w.cut(w.of("eu").space, w.of("us").space)
		w.pass(cut * time.Millisecond)
		w.healLinks()
		w.pass(700 * time.Millisecond)
	}
	w.healed()
	w.seen.judge(0, 0)
}

// TestStalls: all processes of a cluster stand still for less than it takes to be lost,
// again and again; nor do they take the others for lost.
func TestStalls(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}, noChecks: true})
	eu := w.of("eu")
	for _, stall := range []time.Duration{1500, 2500, 3300} {
		w.seen.leave(eu.one())
		frozen.begin(eu)
		w.pass(stall * time.Millisecond)
		frozen.end(eu)
		w.seen.back(eu.one())
		w.pass(1500 * time.Millisecond)
	}
	w.healed()
	w.seen.judge(0, 0)
}

// TestCrashLoop: a process is killed again and again, a moment after it started.
func TestCrashLoop(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}, noChecks: true, prepare: func(w *world) {
		for _, c := range w.clusters {
			c.keeps = true
		}
	}})
	eu := w.of("eu")
	eu.kept()
	w.seen.leave(eu.one())
	for range 8 {
		require.NoError(t, eu.one().process.Kill())
		eu.one().start()
		w.pass(1200 * time.Millisecond)
	}
	w.seen.back(eu.one())
	w.healed()
	w.seen.judge(0, 0)
}
