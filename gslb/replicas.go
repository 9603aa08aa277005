// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"slices"
	"time"
)

// replicas are the other instances of this cluster, read like a peer. Their word
// matters only while ours is worse: an offer of ours is replaced by theirs while we
// cannot read our objects, or when we have been behind for long (a watch that
// stands still), and only while the replica is heard and sees (agreement.md §3).
//
//	we                                  | replica                  | offers of our cluster are
//	see, and are not behind             | any                      | ours
//	are behind for less than 10 s       | sees, heard              | ours
//	are behind for longer               | sees, heard              | the replica's
//	are blind, or know a saved world    | sees, heard              | the replica's
//	are blind                           | knows less: it is behind | ours
//	any                                 | blind, or not heard      | ours
type replicas struct {
	*peer
	instance string    // ours
	behind   time.Time // since when a replica knows more than we do; zero: none does
	lean     string    // the instance whose offers stand for ours; "": none
}

func newReplicas(self GeoTag, instance string) *replicas {
	return &replicas{peer: newPeer(self, time.Time{}), instance: instance}
}

// take keeps the report of another instance of ours. It gives the hosts that differ
// from the one before, if they matter.
func (r *replicas) take(report *Report, now time.Time) []Name {
	if report.Instance == r.instance || report.Announcement == Leaving {
		return nil
	}
	in := r.peer.instance(report.Instance)
	old := in.reports[report.Zone]
	in.keep(report, now)
	if r.lean != report.Instance || old == nil {
		return nil
	}
	return changedOffers(old.Offers, report.Offers)
}

// heardFrom notes that an instance answered.
func (r *replicas) heardFrom(instance string, at time.Time) {
	if in := r.instances[instance]; in != nil {
		in.heard = later(in.heard, at)
	}
}

// judge decides whose offers stand for ours, and reports that this changed.
func (r *replicas) judge(local LocalState, now time.Time, t Timing, next *earliest) bool {
	r.forget(now)
	was := r.lean
	r.lean = ""
	id, best := r.mostKnowing(now, t)
	if best == nil || best.Mark <= local.Mark {
		r.behind = time.Time{}
	}
	if best == nil {
		return was != ""
	}
	next.add(r.instances[id].heard.Add(t.Lease))
	switch {
	case local.Restored, !local.Blind.IsZero() && best.Mark >= local.Mark:
		r.lean = id
	case best.Mark <= local.Mark:
	case r.behind.IsZero():
		r.behind = now
		next.add(now.Add(lowerMarkHold))
	case now.Sub(r.behind) >= lowerMarkHold:
		r.lean = id
	default:
		next.add(r.behind.Add(lowerMarkHold))
	}
	return was != r.lean
}

// mostKnowing gives the most knowing instance that is heard and sees; nil if there is none.
func (r *replicas) mostKnowing(now time.Time, t Timing) (string, *Report) {
	var id string
	var best *Report
	for i, in := range r.instances {
		if now.Sub(in.heard) >= t.Lease {
			continue
		}
		for _, report := range in.reports {
			if report.Blind.IsZero() && (best == nil || report.Mark > best.Mark || report.Mark == best.Mark && i < id) {
				id, best = i, report
			}
		}
	}
	return id, best
}

// hear gives the clusters that instances hear which are heard, sorted.
func (r *replicas) hear(now time.Time, t Timing) []GeoTag {
	var out []GeoTag
	for _, in := range r.instances {
		if now.Sub(in.heard) >= t.Lease {
			continue
		}
		for _, report := range in.reports {
			out = append(out, report.Hears...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// offer gives what stands for our own claim on a host; false: ours does.
func (r *replicas) offer(zone, n Name) (*Offer, bool) {
	if r.lean == "" {
		return nil, false
	}
	report := r.instances[r.lean].reports[zone]
	if report == nil {
		return nil, false
	}
	return report.Offers[n], true
}

// names walks every host that a replica offers.
func (r *replicas) names(yield func(Name)) {
	for _, in := range r.instances {
		for _, report := range in.reports {
			for n := range report.Offers {
				yield(n)
			}
		}
	}
}
