// SPDX-License-Identifier: Apache-2.0

package files

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// input gathers what the translation of a Gslb looks at, and enters the Gslb as its user. A
// file that is there is read, so an object that is not in one does not exist. again says
// when time alone changes the input; zero: never.
func (m *model) input(chosen *translate.Chosen, now time.Time) (in translate.Input, again time.Time) {
	g := chosen.Gslb
	name := types.NamespacedName{Namespace: g.Namespace, Name: g.Name}
	in = translate.Input{
		Gslb: g, Incumbent: chosen.Incumbent, Notes: chosen.Notes, VirtualNodes: m.nodes, Zones: m.zones.Zones, Self: m.cfg.self, Names: m.cfg.names,
		AllowLoopback: m.cfg.allowLoopback, ReadOnly: true,
		Inside: translate.Inside{Internal: m.cfg.internal, Entries: m.cfg.entries, Nodes: m.ranges, AllNodes: true},
		Found: refs.Gather(
			func(found *refs.Found) []refs.Key { return translate.DependsOn(g, found) },
			func(needs []refs.Key) { m.users.Set(name, needs) },
			func(k refs.Key) ([]refs.Object, refs.State) { return m.matching(k, now, &again), refs.Listed },
		),
	}
	in.Held = m.stays.memory.Held
	in.Gates = m.gates.state
	if m.cfg.book != nil {
		in.Resolved = m.cfg.book.Addrs
	}
	return in, again
}

// matching gives the objects that a key can mean, with the addresses that they had last
// where their status went empty.
func (m *model) matching(k refs.Key, now time.Time, again *time.Time) []refs.Object {
	word := refs.Word(k.Kind)
	var found []refs.Object
	take := func(h *held) {
		if h != nil {
			if obj, ok := h.value.(refs.Object); ok {
				found = append(found, m.stays.recall(h.key, obj, now, again))
			}
		}
	}
	switch pair := k.Pair(); {
	case k.Name != "":
		take(m.inventory.objects[key{word, k.Namespace, k.Name}])
	case k.Kind == refs.KindEndpointSlice && pair != "":
		for slice := range m.slices[key{word, k.Namespace, pair}] {
			take(m.inventory.objects[slice])
		}
	case k.Namespace != "":
		for _, h := range m.inventory.in(word, k.Namespace) {
			take(h)
		}
	default:
		for _, place := range m.inventory.placesOf(word) {
			for _, h := range m.inventory.in(word, place.namespace) {
				take(h)
			}
		}
	}
	return found
}
