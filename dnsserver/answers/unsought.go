// SPDX-License-Identifier: Apache-2.0

package answers

// unsure reports that f says of a name that there is nothing, while nobody could tell
// which other clusters there are ([gslb.World.Unsought]): they may have it. Then nothing
// is said, so that resolvers ask the zone's other name servers.
func (t *Table) unsure(f *Found) bool {
	if t.world.Unsought.IsZero() {
		return false
	}
	switch f.Kind {
	case NXDomain:
		return true
	case NoData:
		return f.node != nil && f.node.host != nil && len(f.node.drawn()) == 0
	case NotReady, Answer, Referral, Refused:
	}
	return false
}
