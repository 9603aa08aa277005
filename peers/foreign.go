// SPDX-License-Identifier: Apache-2.0

package peers

import "github.com/meridian-gslb/meridian/gslb"

// SetForeign says whether a cluster runs something else than Meridian, and is asked by
// somebody else: its addresses are not called then. A signed request of it ends that.
func (x *Exchange) SetForeign(tag gslb.GeoTag, foreign bool) {
	r := x.readers
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.foreign[tag] == foreign {
		return
	}
	if r.foreign[tag] = foreign; !foreign {
		delete(r.foreign, tag)
		x.DelegationChanged()
	}
	r.arrange()
}
