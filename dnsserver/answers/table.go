// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"github.com/meridian-gslb/meridian/gslb"
)

// Table holds every answer of a World, packed. It is immutable and safe for
// concurrent use; made by [Build].
type Table struct {
	world   *gslb.World
	limits  Builder
	index   *index
	zones   []*zone    // by name
	statics []*statics // of the zones
	tallies *tallies   // of all Tables of the row
}

// World gives the World that the Table was built from; never nil.
func (t *Table) World() *gslb.World { return t.world }

// Revision is that of the World.
func (t *Table) Revision() uint64 { return t.world.Revision }

// Ready reports that the World was ready: objects were read, and every known
// peer was heard or given up. A Table that is not ready finds [NotReady] for
// every name, so that an empty zone is never served for one not yet known.
func (t *Table) Ready() bool { return t.world.Ready }

// Stale reports that this cluster is cut off and answers what it knew last.
func (t *Table) Stale() bool { return !t.world.Isolated.IsZero() }

// Len counts the names that exist: apexes, hosts, owners of static records, empty
// non-terminals, and the localtargets names of hosts that come from k8gb.
func (t *Table) Len() int { return t.index.len }
