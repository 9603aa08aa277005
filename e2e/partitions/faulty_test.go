// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestFaultyWays: everything between the clusters and from clients comes late, twice, cut
// or forged, and then some of it not at all.
func TestFaultyWays(t *testing.T) {
	ways := map[string]*faultyWay{}
	w := newWorld(t, plan{clusters: []string{"eu", "us"}, noChecks: true, way: func(c *cluster, to []string) { ways[c.tag] = newFaultyWay(c, to[0]) }})
	for _, now := range []struct {
		name string
		faults
	}{
		{"100 ms each way", faults{delay: 100 * time.Millisecond}},
		{"duplication", faults{duplicate: true}},
		{"truncation", faults{truncate: 30}},
		{"forgery", faults{forge: 30}},
		{"all of it", faults{delay: 100 * time.Millisecond, duplicate: true, truncate: 15, forge: 15}},
	} {
		before := ways["eu"].count() + ways["us"].count()
		for _, way := range ways {
			way.set(now.faults)
		}
		w.pass(6 * time.Second)
		for _, way := range ways {
			way.set(faults{})
		}
		t.Logf("%s: %d faults", now.name, ways["eu"].count()+ways["us"].count()-before)
		assert.Greater(t, ways["eu"].count()+ways["us"].count(), before)
		w.settle()
	}
	w.seen.judge(0, 0)
}

// TestLoss: of a hundred packets between clusters, and between them and the edge, twenty
// are lost, each way.
func TestLoss(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}, noChecks: true})
	eu, us := w.of("eu"), w.of("us")
	w.lose(20, eu.space, us.space)
	for _, c := range w.clusters {
		w.lose(20, c.space, w.edge.space)
	}
	w.pass(2 * cutFor)
	w.healed()
	w.seen.judge(0, 0)
}
