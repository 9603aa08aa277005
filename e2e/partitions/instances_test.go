// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestOneInstanceFrozen: of several behind one address, which does not know who is well.
func TestOneInstanceFrozen(t *testing.T) {
	for _, replicas := range []int{2, 3} {
		t.Run(fmt.Sprintf("one of %d", replicas), func(t *testing.T) {
			w := newWorld(t, plan{clusters: []string{"eu", "us"}, replicas: replicas, noChecks: true})
			one := w.of("eu").instances[0]
			w.seen.leave(one)
			require.NoError(t, one.process.Freeze())
			w.pass(cutFor)
			w.turnsAndAllFollow(w.of("us"))
			require.NoError(t, one.process.Thaw())
			w.seen.back(one)
			w.healed()
			w.seen.judge(2, 0)
		})
	}
}

// TestClusterOfTwoInstancesLost: both are killed, the address before them stays.
func TestClusterOfTwoInstancesLost(t *testing.T) {
	w := newWorld(t, plan{clusters: []string{"eu", "us"}, replicas: 2})
	w.lostAndBack(w.of("eu"), killed)
	w.lostAndBack(w.of("eu"), frozen)
	w.seen.judge(4, 4)
}

// TestRollingRestart: instances are stopped and started in turn; who comes to the name
// servers by the delegation always gets an answer, and nobody's answer changes.
func TestRollingRestart(t *testing.T) {
	for _, replicas := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d instances", replicas), func(t *testing.T) {
			w := newWorld(t, plan{clusters: []string{"eu", "us"}, replicas: replicas, noChecks: true})
			for _, c := range w.clusters {
				for _, i := range c.instances {
					w.seen.leave(i)
					since := time.Now()
					require.NoError(t, i.process.Stop())
					i.start()
					w.seen.back(i)
					t.Logf("%s restarted: %d ms", i.name, time.Since(since).Milliseconds())
					w.pass(time.Second)
				}
				w.settle()
			}
			w.seen.judge(0, 0)
		})
	}
}
