// SPDX-License-Identifier: Apache-2.0

package gslbtest_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/gslbtest"
)

var (
	seeds = flag.Int("seeds", 0, "how many schedules the simulator plays; 0: 500, or 40 under the race detector")
	first = flag.Uint64("seed", 1, "the first seed")
	most  = flag.Int("most", 10, "after how many that fail the simulator ends")
	whole = flag.Bool("whole", false, "stories that fail are not made shorter")
	dir   = flag.String("stories", "", "folder in which stories that fail are written")
)

const (
	seedsInTest = 500
	seedsInRace = 40
)

// play tells a story in a bubble of its own.
func play(t *testing.T, story gslbtest.Story, o gslbtest.Options) (f *gslbtest.Failure) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f = gslbtest.Tell(t.Context(), story, o) })
	return f
}

// lessGarbage lets a test of many short lives collect less often.
func lessGarbage(t *testing.T) {
	t.Helper()
	was := debug.SetGCPercent(1500)
	t.Cleanup(func() { debug.SetGCPercent(was) })
}

// TestSimulator plays schedules that were made from seeds. A failing one is made
// shorter and printed as a story: a file in testdata, or for -stories.
func TestSimulator(t *testing.T) {
	lessGarbage(t)
	n := *seeds
	if n == 0 {
		if n = seedsInTest; raceDetector {
			n = seedsInRace
		}
	}
	begin, told, used, failures := time.Now(), time.Now(), coreTime(), 0
	for i := range n {
		seed := *first + uint64(i)
		if f := play(t, gslbtest.Generate(seed), options()); f != nil {
			tellFailure(t, seed, f)
			if failures++; failures == *most {
				n = i + 1
				t.Logf("that is enough")
				break
			}
		}
		if *seeds > 0 && time.Since(told) > 10*time.Second {
			told = time.Now()
			fmt.Fprintf(os.Stderr, "%d of %d schedules, %d fail, %s\n", i+1, n, failures, speed(i+1, begin, used))
		}
	}
	t.Logf("%d schedules in %v: %s", n, time.Since(begin).Round(time.Millisecond), speed(n, begin, used))
}

// speed says how many schedules a minute were played, by the clock and by what the
// process used of a core.
func speed(n int, begin time.Time, used time.Duration) string {
	return fmt.Sprintf("%.0f a minute, %.0f a minute of one core",
		float64(n)/time.Since(begin).Minutes(), float64(n)/(coreTime()-used).Minutes())
}

// coreTime is the time of processors that this process has used.
func coreTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// options are those of a story that is looked at.
func options() gslbtest.Options {
	var o gslbtest.Options
	if os.Getenv("GSLBTEST_LOGS") != "" {
		o.Logs = os.Stderr
	}
	return o
}

func tellFailure(t *testing.T, seed uint64, f *gslbtest.Failure) {
	t.Helper()
	short := gslbtest.Generate(seed)
	if !*whole {
		short = gslbtest.Minimise(short, func(s gslbtest.Story) bool {
			g := play(t, s, gslbtest.Options{})
			return g != nil && g.What == f.What
		})
	}
	text := fmt.Sprintf("# seed %d %v\n%s\n", seed, f, strings.Join(short, "\n"))
	t.Errorf("seed %d: %v\n%s", seed, f, text)
	if *dir != "" {
		assert.NoError(t, os.WriteFile(filepath.Join(*dir, fmt.Sprintf("seed-%d.txt", seed)), []byte(text), 0o644))
	}
}

func TestEqualSeedsGiveEqualStories(t *testing.T) {
	one, same := gslbtest.Generate(7), gslbtest.Generate(7)
	assert.Equal(t, one, same)
	assert.NotEqual(t, one, gslbtest.Generate(8))
}

// TestPlantedBugsAreFound shows that the simulator can find bugs: each of those in
// Mutants within 500 seeds. The one that found it last comes first.
func TestPlantedBugsAreFound(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector looks for races; planted bugs are found without it")
	}
	lessGarbage(t)
	mutants := gslbtest.Mutants()
	require.GreaterOrEqual(t, len(mutants), 12)
	for _, m := range mutants {
		t.Run(strings.ReplaceAll(m.Name, " ", "-"), func(t *testing.T) {
			for _, seed := range append([]uint64{m.Seed}, upTo(500)...) {
				if f := play(t, gslbtest.Generate(seed), gslbtest.Options{Mutant: m}); f != nil {
					t.Logf("%s: found by seed %d: %v", m.Why, seed, f)
					return
				}
			}
			t.Errorf("not found: %s", m.Why)
		})
	}
}

// upTo gives the seeds from 1 on.
func upTo(n uint64) []uint64 {
	var out []uint64
	for seed := uint64(1); seed <= n; seed++ {
		out = append(out, seed)
	}
	return out
}
