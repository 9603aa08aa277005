// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// instanceKept is how long a copy of an instance that is not read any more is
// remembered.
const instanceKept = time.Minute

// copies are the versions of one report zone that we hold, by instance of its
// author: two instances count their serials apart.
type copies struct {
	empty *Zone

	mu     sync.Mutex
	by     map[string]*replica
	latest *Zone // taken last, whoever's
	bad    int   // records of latest that cannot be read
	onBad  func(n int, why error)
}

// replica is what we hold of one instance.
type replica struct {
	zone   *Zone
	at     time.Time // when it was last confirmed to be current
	direct time.Time // the same, by the cluster itself; zero: it never was
}

func newCopies(empty *Zone) *copies {
	return &copies{empty: empty, by: make(map[string]*replica)}
}

// of gives what we hold of an instance; without that, the version taken last;
// nil before the first.
func (c *copies) of(instance string) *Zone {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.by[instance]; r != nil {
		return r.zone
	}
	return c.latest
}

// seen says whether a version was taken already.
func (c *copies) seen(s soa) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.by[s.instance]
	return r != nil && r.zone.serial == s.serial
}

// confirm notes that a version is still current.
func (c *copies) confirm(s soa, direct bool, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.by[s.instance]; r != nil && r.zone.serial == s.serial {
		r.confirm(direct, now)
	}
}

func (r *replica) confirm(direct bool, now time.Time) {
	if r.at = now; direct {
		r.direct = now
	}
}

// directAt says when a version was last confirmed by the cluster itself; zero: never.
func (c *copies) directAt(z *Zone) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.by[z.instance]; r != nil && r.zone.serial == z.serial {
		return r.direct
	}
	return time.Time{}
}

// errStale is a version older than one that the same instance showed before:
// serials never fall within an instance.
type errStale struct{ has, got uint32 }

// Error implements error.
func (e *errStale) Error() string {
	return fmt.Sprintf("serial %d is older than %d, which this instance showed before", e.got, e.has)
}

// take reads a new version and hands it to the store, one at a time. A version that
// was taken already is only confirmed.
func (c *copies) take(z *Zone, direct bool, now time.Time, to Store) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.by[z.instance]
	if r != nil && r.zone.serial == z.serial {
		r.confirm(direct, now)
		return nil
	}
	if r != nil && int32(z.serial-r.zone.serial) < 0 {
		return &errStale{has: r.zone.serial, got: z.serial}
	}
	if err := hand(z, r, now, to); err != nil {
		return err
	}
	r = &replica{zone: z}
	r.confirm(direct, now)
	c.by[z.instance], c.latest = r, z
	n, why := z.LeftOut()
	if n != c.bad && c.onBad != nil {
		c.onBad(n, why)
	}
	c.bad = n
	for id, r := range c.by {
		if now.Sub(r.at) > instanceKept {
			delete(c.by, id)
		}
	}
	return nil
}

// hand gives the store what differs from the version of the same instance that it was
// given before; everything, if it does not have that one.
func hand(z *Zone, before *replica, now time.Time, to Store) error {
	if before != nil {
		report, changed, err := z.since(before.zone)
		if err != nil {
			return err
		}
		report.Received = now
		if err = to.SetChange(report, before.zone.serial, changed); !errors.Is(err, gslb.ErrNoBase) {
			return err
		}
	}
	report, err := z.Report()
	if err != nil {
		return err
	}
	report.Received = now
	return to.SetReport(report)
}

// leftOut counts the records that cannot be read of the version taken last.
func (c *copies) leftOut() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bad
}

// pick gives the version to pass on: that of the instance which is believed, if
// we read it ourselves, else the last one read so.
func (c *copies) pick(believed string) *Zone {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.by[believed]; r != nil && !r.direct.IsZero() {
		return r.zone
	}
	var best *replica
	for _, r := range c.by {
		if !r.direct.IsZero() && (best == nil || r.at.After(best.at)) {
			best = r
		}
	}
	if best == nil {
		return nil
	}
	return best.zone
}

// confirmed says when any version was last known to be current.
func (c *copies) confirmed() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	var at time.Time
	for _, r := range c.by {
		if r.at.After(at) {
			at = r.at
		}
	}
	return at
}
