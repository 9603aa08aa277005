// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"sync/atomic"
	"time"
)

// latencyBounds are the buckets of the histogram, in seconds: from a question
// that is answered from memory at once to one that waited for a processor.
var latencyBounds = [...]float64{1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 5e-3, 2.5e-2, 0.1, 0.5}

// sampleEvery is how many reads of a goroutine there are for one that is timed:
// looking at the clock costs as much as answering.
const sampleEvery = 16

// latency is a histogram of one goroutine or a group of them.
type latency struct {
	buckets [len(latencyBounds) + 1]atomic.Uint64
	nanos   atomic.Uint64
}

// observe counts n answers that took d.
func (l *latency) observe(d time.Duration, n int) {
	i := 0
	for s := d.Seconds(); i < len(latencyBounds) && s > latencyBounds[i]; i++ {
	}
	l.buckets[i].Add(uint64(n))
	l.nanos.Add(uint64(d) * uint64(n))
}

func (l *latency) add(m *latency) {
	for i := range l.buckets {
		l.buckets[i].Add(m.buckets[i].Load())
	}
	l.nanos.Add(m.nanos.Load())
}

// cumulative gives the histogram as Prometheus wants it.
func (l *latency) cumulative() (count uint64, sum float64, buckets map[float64]uint64) {
	buckets = make(map[float64]uint64, len(latencyBounds))
	for i := range l.buckets {
		count += l.buckets[i].Load()
		if i < len(latencyBounds) {
			buckets[latencyBounds[i]] = count
		}
	}
	return count, time.Duration(l.nanos.Load()).Seconds(), buckets
}

// sampler picks the reads that are timed, the first among them. It belongs to one
// goroutine.
type sampler struct{ turn uint }

// begin gives the time for a read that is timed, and the zero time for others.
func (s *sampler) begin() time.Time {
	s.turn++
	if s.turn%sampleEvery != 1 {
		return time.Time{}
	}
	return time.Now()
}

// end counts n answers of a read that is timed.
func (s *sampler) end(l *latency, began time.Time, n int) {
	if !began.IsZero() && n > 0 {
		l.observe(time.Since(began), n)
	}
}
