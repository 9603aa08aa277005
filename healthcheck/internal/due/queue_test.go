// SPDX-License-Identifier: Apache-2.0

package due_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/healthcheck/internal/due"
)

var (
	start = time.Unix(1000, 0)
	laneA = netip.MustParseAddr("192.0.2.1")
	laneB = netip.MustParseAddr("192.0.2.2")
)

func item(name string, lane netip.Addr) *due.Item[string] {
	return &due.Item[string]{Value: name, Lane: lane}
}

func begun(q *due.Queue[string], now time.Time) []string {
	var out []string
	for i := q.Begin(now); i != nil; i = q.Begin(now) {
		out = append(out, i.Value)
	}
	return out
}

func TestItemsBeginInOrderOfTheirMoment(t *testing.T) {
	q := due.New[string](10, 1)
	for i, name := range []string{"third", "first", "second"} {
		q.Put(item(name, laneA), start.Add(time.Duration([]int{3, 1, 2}[i])*time.Second), 0)
	}
	next, ok := q.Next()
	require.True(t, ok)
	assert.Equal(t, start.Add(time.Second), next)
	assert.Empty(t, begun(q, start))
	assert.Equal(t, []string{"first", "second"}, begun(q, start.Add(2*time.Second)))
	assert.Equal(t, []string{"third"}, begun(q, start.Add(time.Hour)))
	assert.Equal(t, 3, q.Begun())
}

func TestALowerClassBeginsFirstEvenIfLater(t *testing.T) {
	q := due.New[string](10, 2)
	q.Put(item("calm", laneA), start, 1)
	q.Put(item("urgent", laneA), start.Add(time.Second), 0)
	assert.Equal(t, []string{"urgent", "calm"}, begun(q, start.Add(time.Second)))
}

func TestALaneTakesAtMostHalf(t *testing.T) {
	q := due.New[string](4, 1)
	items := make([]*due.Item[string], 4)
	for i := range items {
		items[i] = item(fmt.Sprint("a", i), laneA)
		q.Put(items[i], start.Add(time.Duration(i)), 0)
	}
	q.Put(item("b0", laneB), start.Add(time.Minute), 0)
	now := start.Add(time.Minute)
	assert.Equal(t, []string{"a0", "a1", "b0"}, begun(q, now), "lane A is full at two; B goes on")
	_, ok := q.Next()
	assert.False(t, ok, "what is parked begins when its lane has room, not at a moment")
	q.Done(items[0])
	assert.Equal(t, []string{"a2"}, begun(q, now))
	q.Drop(items[3])
	q.Done(items[1])
	assert.Empty(t, begun(q, now), "dropped while parked")
}

func TestATurnThatIsNotTakenGoesToTheNext(t *testing.T) {
	q := due.New[string](1, 1)
	a, b, c := item("a", laneA), item("b", laneA), item("c", laneA)
	q.Put(a, start, 0)
	assert.Equal(t, []string{"a"}, begun(q, start))
	q2 := due.New[string](2, 1)
	for _, i := range []*due.Item[string]{b, c} {
		q2.Put(i, start, 0)
	}
	first := q2.Begin(start)
	assert.Nil(t, q2.Begin(start), "the lane takes one of two")
	other := map[*due.Item[string]]*due.Item[string]{b: c, c: b}[first]
	extra := item("extra", laneA)
	q2.Put(extra, start, 0)
	assert.Nil(t, q2.Begin(start))
	q2.Done(first)
	q2.Drop(other) // its turn had come
	assert.Equal(t, []string{"extra"}, begun(q2, start))
}

func TestAnItemThatBeganIsNotMoved(t *testing.T) {
	q := due.New[string](2, 1)
	a := item("a", laneA)
	q.Put(a, start, 0)
	require.Equal(t, a, q.Begin(start))
	q.Put(a, start, 0)
	q.Drop(a)
	assert.True(t, a.Begun())
	assert.Nil(t, q.Begin(start), "never twice at once")
	q.Done(a)
	q.Done(a)
	assert.Equal(t, 0, q.Begun(), "done twice counts once")
}

// TestBoundsHoldAndNothingIsLost drives the queue at random and compares with a
// plain set: bounds are never passed, nothing begins early or twice, and at the
// end everything that is wanted begins.
func TestBoundsHoldAndNothingIsLost(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		limit := 1 + r.IntN(6)
		q := due.New[int](limit, 3)
		items := make([]*due.Item[int], 30)
		wanted := make(map[int]bool)
		running := make(map[int]bool)
		perLane := make(map[netip.Addr]int)
		for i := range items {
			items[i] = &due.Item[int]{Value: i, Lane: netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(3))})}
		}
		now := start
		finish := func(i int) {
			q.Done(items[i])
			delete(running, i)
			perLane[items[i].Lane]--
		}
		begin := func() {
			for it := q.Begin(now); it != nil; it = q.Begin(now) {
				i := it.Value
				require.True(t, wanted[i], "seed %d: %d began unwanted", seed, i)
				require.False(t, it.At().After(now), "seed %d: %d began early", seed, i)
				delete(wanted, i)
				running[i] = true
				perLane[it.Lane]++
				require.LessOrEqual(t, len(running), limit)
				require.LessOrEqual(t, perLane[it.Lane], max(1, limit/2))
			}
			require.Equal(t, len(running), q.Begun())
		}
		for range 400 {
			i := r.IntN(len(items))
			switch r.IntN(5) {
			case 0, 1:
				q.Put(items[i], now.Add(time.Duration(r.IntN(5)-1)*time.Second), r.IntN(3))
				if !running[i] {
					wanted[i] = true
				}
			case 2:
				q.Drop(items[i])
				delete(wanted, i)
			case 3:
				if running[i] {
					finish(i)
				}
			case 4:
				now = now.Add(time.Duration(r.IntN(1500)) * time.Millisecond)
				begin()
			}
		}
		now = now.Add(time.Hour)
		for range 10 * len(items) {
			begin()
			for i := range running {
				finish(i)
				break
			}
		}
		require.Empty(t, wanted, "seed %d: never began", seed)
	}
}
