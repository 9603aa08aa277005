// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// everyWorld looks at every World that the clusters ever have, from when it is told what to
// look for.
type everyWorld struct {
	mu     sync.Mutex
	never  map[netip.Addr]bool    // are entries of no host
	steady map[gslb.Name][]string // what a host answers
	told   map[gslb.Name]map[gslb.GeoTag]*telling
	broken []error
}

// telling is what the Worlds of one cluster tell of a host.
type telling struct {
	last    string
	changes int
}

// never holds, to the end of the package's run, that an address is an entry of no host.
func never(addr string) {
	v := &beside.seen
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.never == nil {
		v.never = map[netip.Addr]bool{}
	}
	v.never[netip.MustParseAddr(addr)] = true
}

// steady holds that both clusters answer a host with just these, until the check ends that.
func steady(t *testing.T, host string, want ...string) (end func()) {
	t.Helper()
	v := &beside.seen
	name := gslb.MustName(host)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.steady == nil {
		v.steady = map[gslb.Name][]string{}
	}
	v.steady[name] = want
	end = func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.steady, name)
	}
	t.Cleanup(end)
	return end
}

func (v *everyWorld) see(w *gslb.World) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.never) > 0 {
		for h := range w.Hosts() {
			for i := range h.Parts {
				for _, e := range h.Parts[i].Entries {
					if v.never[e.Addr] {
						v.broken = append(v.broken, fmt.Errorf("%s is an entry of %s in %s", e.Addr, h.Name, w.Self))
					}
				}
			}
		}
	}
	v.count(w)
	for name, want := range v.steady {
		have := []string{}
		if h := w.Host(name); h != nil {
			d := strategies.Decide(h)
			have = texts(d.Addrs())
		}
		if !slices.Equal(have, want) {
			v.broken = append(v.broken, fmt.Errorf("%s answers %v in %s, not %v", name, have, w.Self, want))
		}
	}
}

// follow counts how often what the Worlds of a cluster tell of a host changes from this one on.
func (v *everyWorld) follow(host gslb.Name, from *gslb.World) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.told == nil {
		v.told = map[gslb.Name]map[gslb.GeoTag]*telling{}
	}
	if v.told[host] == nil {
		v.told[host] = map[gslb.GeoTag]*telling{}
	}
	v.count(from)
}

// changes gives how often what the Worlds of a cluster tell of a host changed.
func (v *everyWorld) changes(host gslb.Name, in gslb.GeoTag) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	if t := v.told[host][in]; t != nil {
		return t.changes
	}
	return 0
}

// count is called with the lock held.
func (v *everyWorld) count(w *gslb.World) {
	for host, in := range v.told {
		h := w.Host(host)
		if h == nil {
			continue
		}
		now := fmt.Sprint(w.Isolated, w.Local.Blind)
		for i := range h.Parts {
			p := &h.Parts[i]
			now += fmt.Sprint(p.Cluster, p.Liveness, p.Checked, p.Held, p.Offer.Health(), p.Entries)
		}
		switch t := in[w.Self]; {
		case t == nil:
			in[w.Self] = &telling{last: now}
		case t.last != now:
			t.last, t.changes = now, t.changes+1
		}
	}
}

// breaks notes what must never be.
func (v *everyWorld) breaks(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.broken = append(v.broken, fmt.Errorf(format, args...))
}

func (v *everyWorld) err() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return errors.Join(v.broken...)
}
