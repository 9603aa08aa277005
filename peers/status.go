// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"cmp"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// Status is what the exchange knows of one peer, for people.
type Status struct {
	Cluster     gslb.GeoTag
	Addresses   []string      // where it is called
	Connections int           // that stand now
	Direct      bool          // its report is read from itself
	Heard       time.Time     // last sign of life first-hand; zero: never
	Confirmed   time.Time     // since when its oldest report is known to be current; zero: none yet
	Skew        time.Duration // its clock is ahead of ours by so much
	Trouble     string        // why it cannot be read; "" if it can
	Reports     []ReportStatus
}

// ReportStatus is what is held of a peer's report of one zone.
type ReportStatus struct {
	Zone    gslb.Name
	Serial  uint32 // of the version taken last
	Records int    // in it
	LeftOut int    // records of it that cannot be read
}

// Peers gives every known peer, by geo tag.
func (x *Exchange) Peers() []Status {
	r := x.readers
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Status, 0, len(r.peers))
	now := time.Now()
	for tag, p := range r.peers {
		s := Status{
			Cluster: tag, Addresses: r.addrs(tag), Direct: p.direct.within(x.cfg.Lease, now),
			Skew: time.Duration(p.skew.Load()), Heard: p.heard.get(), Confirmed: r.confirmed(tag), Reports: r.held(tag),
		}
		p.mu.Lock()
		s.Connections, s.Trouble = p.conns, p.trouble
		p.mu.Unlock()
		switch {
		case len(x.keys) == 0:
			s.Trouble = x.Refuses()
		case len(p.keys) == 0:
			s.Trouble = "every peer key is bound to another cluster; add one for this one"
		case r.foreign[tag]:
			s.Trouble = "it runs k8gb, and is asked as one"
		case len(s.Addresses) == 0 && !s.Direct:
			s.Trouble = "no address of it is known"
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Status) int { return cmp.Compare(a.Cluster, b.Cluster) })
	return out
}

// held gives what is held of a peer's reports. The lock is held.
func (r *readers) held(tag gslb.GeoTag) []ReportStatus {
	var out []ReportStatus
	for _, zone := range r.zones {
		if c := r.copies[copyKey{tag, zone}]; c != nil {
			if z := c.of(""); z != nil {
				out = append(out, ReportStatus{Zone: zone, Serial: z.serial, Records: len(z.sets), LeftOut: c.leftOut()})
			}
		}
	}
	return out
}

// confirmed gives the oldest confirmation over the zones whose report we hold.
// The lock is held.
func (r *readers) confirmed(tag gslb.GeoTag) time.Time {
	var oldest time.Time
	for _, zone := range r.zones {
		c := r.copies[copyKey{tag, zone}]
		if c == nil {
			continue
		}
		if at := c.confirmed(); !at.IsZero() && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
	}
	return oldest
}
