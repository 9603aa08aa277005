// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"maps"
	"reflect"
	"time"
)

// instance is one process of a cluster, with what it said last of each zone.
//
// A report that comes whole is its caller's, and one that is saved is somebody else's
// as well: their maps are never changed. The first change after that copies the
// map, and from then on the copy is changed in place, so that one host costs one host.
type instance struct {
	since    time.Time // when its first report was received
	heard    time.Time // when its report was last received or confirmed
	listedUs bool      // its list of those it hears had us once
	reports  map[Name]*Report
	owned    map[Name]bool // zones whose map of offers is nobody else's and may be changed
}

func newInstance() *instance {
	return &instance{reports: make(map[Name]*Report), owned: make(map[Name]bool)}
}

// keep takes a whole report.
func (in *instance) keep(r *Report, now time.Time) {
	if in.since.IsZero() {
		in.since = now
	}
	in.heard, in.reports[r.Zone] = now, r
	delete(in.owned, r.Zone)
}

// share gives a report away, to be read.
func (in *instance) share(zone Name) *Report {
	delete(in.owned, zone)
	return in.reports[zone]
}

// change takes a report whose offers are those of the last one but for some. It fills
// them in, and gives the hosts of which they really differ.
func (in *instance) change(r *Report, changed map[Name]*Offer, now time.Time) []Name {
	offers := in.reports[r.Zone].Offers
	if !in.owned[r.Zone] {
		if offers = maps.Clone(offers); offers == nil {
			offers = make(map[Name]*Offer, len(changed))
		}
		in.owned[r.Zone] = true
	}
	moved := make([]Name, 0, len(changed))
	for n, o := range changed {
		if was := offers[n]; was != o && !reflect.DeepEqual(was, o) {
			moved = append(moved, n)
		}
		if o == nil {
			delete(offers, n)
		} else {
			offers[n] = o
		}
	}
	r.Offers = offers
	in.heard, in.reports[r.Zone] = now, r
	return moved
}
