// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"errors"
	"iter"
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// DefaultMaxTTL bounds TTLs from above where nothing else is asked for.
const DefaultMaxTTL = 7 * 24 * 3600

// Builder builds Tables with bounds for TTLs. The zero value is usable.
type Builder struct {
	MinTTL uint32 // seconds
	MaxTTL uint32 // seconds, at most 2^31-1 (RFC 2181 §8); 0: DefaultMaxTTL

	// NoLocalTargets leaves localtargets-HOST names out, also of hosts that come from k8gb.
	NoLocalTargets bool
}

// Build is [Builder.Build] with the default bounds.
func Build(prev *Table, w *gslb.World) (*Table, error) { return Builder{}.Build(prev, w) }

// Build makes the Table of a World. Hosts and static records that did not
// change since prev are shared with it, so that a change costs what it touches; a
// nil prev, other bounds or another set of zones means that all is built anew.
// prev stays as it was. An error means that there is no new Table and the caller should go on
// with the last one; a host with nothing to answer is no error, nor is a static
// record that cannot be packed, see [Table.LeftOut].
func (b Builder) Build(prev *Table, w *gslb.World) (*Table, error) {
	if w == nil {
		return nil, errors.New("a table needs a world")
	}
	if b.MaxTTL == 0 {
		b.MaxTTL = DefaultMaxTTL
	}
	t := &Table{world: w, limits: b, tallies: newTallies()}
	if prev != nil {
		t.tallies = prev.tallies
	}
	if err := t.packZones(prev); err != nil {
		return nil, err
	}
	if prev != nil && prev.limits == b && slices.EqualFunc(prev.zones, t.zones, sameZone) {
		t.packStatics(prev.statics)
		t.index = t.revise(prev.index, w.Changed(prev.world), prev.statics)
		return t, nil
	}
	e := newEdit(newIndex())
	for _, i := range t.outerFirst() {
		e.apex(t.zones[i].wire, i, t.zones[i].parent)
	}
	t.index = newIndex().with(e.changes)
	t.packStatics(nil)
	t.index = t.revise(t.index, w.Changed(nil), make([]*statics, len(t.zones)))
	return t, nil
}

func sameZone(a, b *zone) bool { return a.name == b.name }

// packZones packs the apexes of all zones, sorted by name, each zone once.
func (t *Table) packZones(prev *Table) error {
	zones := slices.Clone(t.world.Zones)
	slices.SortStableFunc(zones, func(a, b gslb.Zone) int { return a.Zone.Compare(b.Zone) })
	zones = slices.CompactFunc(zones, func(a, b gslb.Zone) bool { return a.Zone == b.Zone })
	for i := range zones {
		var old *zone
		if prev != nil && prev.limits == t.limits && prev.world.Self == t.world.Self {
			if j := prev.zone(zones[i].Zone); j >= 0 {
				old = prev.zones[j]
			}
		}
		z, err := newZone(old, &zones[i], t.world.Self, around(zones, i), t.limits, t.tallies)
		if err != nil {
			return err
		}
		t.zones = append(t.zones, z)
	}
	return nil
}

// around gives the index of the smallest zone that holds zone i, of sorted zones; -1 for none.
func around(zones []gslb.Zone, i int) int {
	for n := zones[i].Zone.Parent(); !n.IsZero(); n = n.Parent() {
		if j, ok := slices.BinarySearchFunc(zones, n, func(z gslb.Zone, n gslb.Name) int { return z.Zone.Compare(n) }); ok {
			return j
		}
	}
	return -1
}

// outerFirst orders zones so that the one around another comes before it.
func (t *Table) outerFirst() []int {
	order := make([]int, len(t.zones))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return len(t.zones[a].wire) - len(t.zones[b].wire) })
	return order
}

// zone gives the index of a zone; -1 if it is not ours.
func (t *Table) zone(n gslb.Name) int {
	i, ok := slices.BinarySearchFunc(t.zones, n, func(z *zone, n gslb.Name) int { return z.name.Compare(n) })
	if !ok {
		return -1
	}
	return i
}

// revise decides and packs the named hosts anew, and takes in what stands beside
// them since old.
func (t *Table) revise(base *index, changed iter.Seq[gslb.Name], old []*statics) *index {
	e := newEdit(base)
	for name := range changed {
		key := wireName(name)
		h := t.world.Host(name)
		zone := -1
		if h != nil {
			zone = t.zone(h.Zone)
		}
		t.reviseLocal(e, key, h, zone)
		if zone < 0 {
			e.clear(key)
			continue
		}
		n := e.add(key, zone)
		n.host, n.both = h, [2]*rrset{}
		n.sets, n.aliases = t.pack(n.both[:0], h)
	}
	for i := range t.statics {
		t.reviseStatics(e, i, old[i])
	}
	if len(e.changes) == 0 {
		return base
	}
	return base.with(e.changes)
}

// pack decides a host and appends its packed addresses to sets; both families have
// one TTL.
func (t *Table) pack(sets []*rrset, h *gslb.Host) ([]*rrset, *aliases) {
	d := strategies.Decide(h)
	ttl := t.limits.clamp(d.TTL)
	counts := newTallier(t.tallies, h.Zone, &d)
	for _, v4 := range []bool{true, false} {
		if s := packAddrs(&d, v4, ttl, counts); s != nil {
			sets = append(sets, s)
		}
	}
	return sets, packAliases(&d, ttl, counts)
}

func (b Builder) clamp(ttl uint32) uint32 {
	return min(max(ttl, b.MinTTL), b.MaxTTL, 1<<31-1)
}
