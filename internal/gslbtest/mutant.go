// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"time"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// Mutant is a planted bug: what the product does is changed where it passes the
// simulator. The zero value is none. It shows that the simulator can find bugs.
type Mutant struct {
	Name string // for people
	Why  string // which promise it breaks
	Seed uint64 // whose story finds it

	timing    func(*gslb.Timing)
	report    func(*process, *gslb.Report) *gslb.Report // nil: it is not taken
	sighting  func(*process, gslb.Sighting) (gslb.Sighting, bool)
	sent      func(p *process, instance string, n uint64) (time.Time, bool)
	lookup    func(edge.Answer) edge.Answer
	update    func(*process, edge.Change) edge.Change
	world     func(*process, *gslb.World) bool // false: the table is not built
	serial    func(*process, uint32) uint32
	blind     func(*process)                     // the API went away
	dial      func(p *process, to *cluster) bool // false: nobody takes the call
	unguarded bool                               // what vanishes in a mass is believed
}

// removalHold is how long what vanishes in a mass is held.
func (m Mutant) removalHold() time.Duration {
	if m.unguarded {
		return 0
	}
	return gslb.DefaultRemovalHold
}
