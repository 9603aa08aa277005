// SPDX-License-Identifier: Apache-2.0

package gslbtest_test

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gslb/meridian/internal/gslbtest"
)

var (
	seeds = flag.Int("seeds", 500, "how many schedules the simulator plays")
	first = flag.Uint64("seed", 1, "the first seed")
)

// play tells a story in a bubble of its own.
func play(t *testing.T, story gslbtest.Story, o gslbtest.Options) (f *gslbtest.Failure) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f = gslbtest.Tell(t.Context(), story, o) })
	return f
}

func TestSimulator(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	begin, failures := time.Now(), 0
	var o gslbtest.Options
	if os.Getenv("GSLBTEST_LOGS") != "" {
		o.Logs = os.Stderr
	}
	for i := range *seeds {
		seed := *first + uint64(i)
		story := gslbtest.Generate(seed)
		if f := play(t, story, o); f != nil {
			failures++
			t.Errorf("seed %d: %v", seed, f)
			if failures >= 40 {
				break
			}
		}
	}
	took := time.Since(begin)
	t.Logf("%d schedules in %v: %.0f a minute", *seeds, took.Round(time.Millisecond), float64(*seeds)/took.Minutes())
}
