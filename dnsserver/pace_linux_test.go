// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/dnsserver"
)

// A socket is left alone only while it is crowded and its batches are small, and
// not without giving other goroutines their turn.
func TestPace(t *testing.T) {
	for _, c := range []struct {
		why     string
		every   time.Duration // between two batches
		batch   int
		empties bool // the socket is found empty before each batch
		lingers bool
	}{
		{"one message at a time, a thousand in a second", time.Millisecond, 1, true, false},
		{"30,000 in a second, one by one", 33 * time.Microsecond, 1, true, false},
		{"100,000 in a second, one by one", 10 * time.Microsecond, 1, true, true},
		{"100,000 in a second, in batches", 80 * time.Microsecond, 8, true, true},
		{"200,000 in a second, but batches are large", 100 * time.Microsecond, 20, true, false},
		{"large batches now and then", 10 * time.Millisecond, 32, true, false},
	} {
		p, now, lingered := dnsserver.NewPace(), time.Unix(0, 0), 0
		clock := func() time.Time { return now }
		for range 1000 {
			now = now.Add(c.every)
			if p.Lingers(c.batch, clock) {
				lingered++
			}
			if c.empties {
				p.Empty()
			}
		}
		assert.Equal(t, c.lingers, lingered > 500, "%s: %d of 1000", c.why, lingered)
		if !c.lingers {
			assert.LessOrEqual(t, lingered, 1, c.why)
		}
	}
}

func TestPaceLetsOthersWork(t *testing.T) {
	p, now, row, longest := dnsserver.NewPace(), time.Unix(0, 0), 0, 0
	clock := func() time.Time { return now }
	for range 1000 {
		now = now.Add(50 * time.Microsecond)
		if row++; !p.Lingers(8, clock) {
			row = 0
		}
		longest = max(longest, row)
	}
	assert.Equal(t, 8, longest, "the socket was never found empty, so nobody else had a turn")
}

func TestPaceForgetsACrowd(t *testing.T) {
	p, now := dnsserver.NewPace(), time.Unix(0, 0)
	clock := func() time.Time { return now }
	for range 1000 {
		now = now.Add(50 * time.Microsecond)
		p.Lingers(8, clock)
		p.Empty()
	}
	assert.True(t, p.Lingers(8, clock))
	p.Empty()
	now = now.Add(time.Second)
	assert.False(t, p.Lingers(1, clock), "the first message after a quiet second")
	p.Empty()
	now = now.Add(10 * time.Millisecond)
	assert.False(t, p.Lingers(1, clock))
}
