// SPDX-License-Identifier: Apache-2.0

package hostnames

import (
	"net/netip"
	"sync"

	"github.com/meridian-gslb/meridian/gslb"
)

// Remembered gives what the first World that there is knows of the names of a cluster's
// entries, for [Config]: world is called when the first name is asked for.
func Remembered(world func() *gslb.World, of gslb.GeoTag) func(name string) []netip.Addr {
	known := sync.OnceValue(func() map[string][]netip.Addr { return inWorld(world(), of) })
	return func(name string) []netip.Addr { return known()[name] }
}

// inWorld gives the addresses that a World knows of the names of a cluster's entries; of
// nil none.
func inWorld(w *gslb.World, of gslb.GeoTag) map[string][]netip.Addr {
	known := make(map[string][]netip.Addr)
	if w == nil {
		return known
	}
	for h := range w.Hosts() {
		p := h.Part(of)
		if p == nil {
			continue
		}
		for i := range p.Offer.Entries {
			if e := &p.Offer.Entries[i]; e.Hostname != "" && e.Addr.IsValid() {
				known[e.Hostname] = append(known[e.Hostname], e.Addr)
			}
		}
	}
	return known
}
