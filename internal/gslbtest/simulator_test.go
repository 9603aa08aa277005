// SPDX-License-Identifier: Apache-2.0

package gslbtest_test

import (
	"bytes"
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
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
	order = flag.Int("order", 1, "the first order of goroutines, where orders can be asked for; see docs/simulator.md")
	each  = flag.Int("orders", 1, "in how many orders a schedule is played, where orders can be asked for")
	dir   = flag.String("stories", "", "folder in which stories that fail are written")
)

const (
	seedsInTest = 500
	seedsInRace = 40
)

// play tells a story in a bubble of its own.
func play(t *testing.T, story gslbtest.Story, o gslbtest.Options) (f *gslbtest.Failure) {
	t.Helper()
	if o.Order != 0 { // a collection moves goroutines; two empty the pools
		defer debug.SetGCPercent(debug.SetGCPercent(-1))
		runtime.GC()
		runtime.GC()
	}
	if o.Logs != nil { // a write that waits moves goroutines too
		said, to := &buffer{}, o.Logs
		o.Logs = said
		defer func() { _, _ = said.all.WriteTo(to) }()
	}
	synctest.Test(t, func(t *testing.T) { f = gslbtest.Tell(t.Context(), story, o) })
	return f
}

// buffer keeps what is written to it.
type buffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
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
	if !gslbtest.Ordered() {
		*order, *each = 0, 1
	}
	n := *seeds
	if n == 0 {
		if n = seedsInTest; raceDetector {
			n = seedsInRace
		}
	}
	begin, told, used, failures := time.Now(), time.Now(), coreTime(), 0
	for i := range n {
		for k := range *each {
			seed, o := *first+uint64(i), options()
			o.Order = orderOf(seed, *order+k)
			if f := play(t, gslbtest.Generate(seed), o); f != nil {
				tellFailure(t, seed, *order+k, f)
				failures++
				break
			}
		}
		if failures >= *most {
			n = i + 1
			t.Logf("that is enough")
			break
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

// orderOf numbers an order of the goroutines of a seed; 0: whichever comes.
func orderOf(seed uint64, n int) uint64 {
	if n == 0 {
		return 0
	}
	return seed<<16 + uint64(n)
}

func tellFailure(t *testing.T, seed uint64, order int, f *gslbtest.Failure) {
	t.Helper()
	short := gslbtest.Generate(seed)
	if !*whole {
		short = gslbtest.Minimise(short, func(s gslbtest.Story) bool {
			g := play(t, s, gslbtest.Options{Order: orderOf(seed, order)})
			return g != nil && g.What == f.What
		})
	}
	text := fmt.Sprintf("# seed %d order %d %v\n%s\n", seed, order, f, strings.Join(short, "\n"))
	t.Errorf("seed %d, order %d: %v\n%s", seed, order, f, text)
	if *dir != "" {
		assert.NoError(t, os.WriteFile(filepath.Join(*dir, fmt.Sprintf("seed-%d.txt", seed)), []byte(text), 0o644))
	}
}

// TestOneSeedHappensInOneWay compares everything that happens in two tellings of a seed,
// and of the same one in another order.
func TestOneSeedHappensInOneWay(t *testing.T) {
	if !gslbtest.Ordered() {
		t.Skip("goroutines that are ready at the same moment run in any order: make sim builds with the overlay that orders them")
	}
	happens := func(seed uint64, n int) uint64 {
		h := fnv.New64a()
		play(t, gslbtest.Generate(seed), gslbtest.Options{Trace: h, Order: orderOf(seed, n)})
		return h.Sum64()
	}
	happens(1, 1) // what is made once and for all
	others := 0
	for seed := range uint64(20) {
		first := happens(seed, 1)
		assert.Equal(t, first, happens(seed, 1), "seed %d", seed)
		if happens(seed, 2) != first {
			others++
		}
	}
	assert.Positive(t, others, "another order is another story")
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
