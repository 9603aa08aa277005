// SPDX-License-Identifier: Apache-2.0

package zoneout

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/gslb"
)

// Bounds of the journals.
const (
	// maxJournal bounds the differences that are kept of one zone, in octets of
	// records; maxJournals those of all zones.
	maxJournal  = 8 << 20
	maxJournals = 32 << 20
	// maxDifferences bounds the steps of a journal.
	maxDifferences = 1000
	// keep is how long a version that was handed out is remembered after the next
	// one came, if nobody transfers: three times the refresh of our SOA.
	keep = 15 * time.Minute
)

// version is the content of a zone under one serial. It is immutable.
type version struct {
	serial uint32
	table  *answers.Table
	over   atomic.Int64 // when the next one came, Unix nanoseconds; 0: it is the newest
}

// budget counts what is kept of all zones.
type budget struct{ octets, records atomic.Int64 }

// zone is a zone of ours with its newest version, and what is remembered of
// those before.
type zone struct {
	name   gslb.Name
	budget *budget
	newest atomic.Pointer[version]

	mu sync.Mutex
	// base is the version that the journal ends with, and the last one that may
	// have been handed out; nil: nobody was handed one, and nothing is kept.
	base    *version
	journal []*difference // each begins where the one before ends
	octets  int           // of the journal
	size    int           // octets of the whole zone when it was last sent; 0: unknown
}

// offer makes v the newest version if its serial is another; whether it is.
func (z *zone) offer(v *version, now time.Time) bool {
	old := z.newest.Load()
	if old != nil {
		if old.serial == v.serial {
			return false
		}
		old.over.Store(now.UnixNano())
	}
	z.newest.Store(v)
	return true
}

// settle brings the journal up to the newest version and gives that. It is
// called with the lock, for everything that is handed out.
func (z *zone) settle() *version {
	v := z.newest.Load()
	switch {
	case z.base == v:
		return v
	case z.base != nil:
		z.append(diff(z.name, z.base, v))
	}
	z.base = v
	return v
}

// append adds a difference and drops the oldest ones that are too many.
func (z *zone) append(d *difference) {
	z.journal = append(z.journal, d)
	z.octets += d.size()
	z.budget.octets.Add(int64(d.size()))
	z.budget.records.Add(int64(d.records))
	for len(z.journal) > 0 && (z.octets > maxJournal || len(z.journal) > maxDifferences || z.budget.octets.Load() > maxJournals) {
		z.drop(1)
	}
}

// drop forgets the n oldest differences.
func (z *zone) drop(n int) {
	for _, d := range z.journal[:n] {
		z.octets -= d.size()
		z.budget.octets.Add(-int64(d.size()))
		z.budget.records.Add(-int64(d.records))
	}
	z.journal = slices.Delete(z.journal, 0, n) // clears what it leaves behind
}

// whole gives the version to be sent as a whole.
func (z *zone) whole() *version {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.settle()
}

// since gives the newest version and the difference that leads to it from a
// serial; nil if that is not known, or is longer than the zone itself.
func (z *zone) since(serial uint32) (*version, *difference) {
	z.mu.Lock()
	defer z.mu.Unlock()
	v := z.settle()
	i := slices.IndexFunc(z.journal, func(d *difference) bool { return d.from.serial == serial })
	if i < 0 {
		return v, nil
	}
	d := condense(z.journal[i:])
	if z.size > 0 && d.size() > z.size {
		return v, nil
	}
	return v, d
}

// sized notes how long the whole zone was on the wire.
func (z *zone) sized(octets int) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.size = octets
}

// expire forgets everything if nobody came since keep; else it says how long
// that is still to go, 0 if nothing is waited for.
func (z *zone) expire(now time.Time) time.Duration {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.base == nil {
		return 0
	}
	over := z.base.over.Load()
	if over == 0 {
		return 0
	}
	if left := time.Unix(0, over).Add(keep).Sub(now); left > 0 {
		return left
	}
	z.forget()
	return 0
}

// reset forgets everything: the zone is no longer ours.
func (z *zone) reset() {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.forget()
}

func (z *zone) forget() {
	z.drop(len(z.journal))
	z.base = nil
}
