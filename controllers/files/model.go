// SPDX-License-Identifier: Apache-2.0

package files

import (
	"net/netip"
	"reflect"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/api/validate"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/hostnames"
)

// Kinds that are read.
const (
	kindGslb      = "Gslb"
	kindZone      = "ZoneDelegation"
	kindService   = "Service"
	kindSlice     = "EndpointSlice"
	kindNamespace = "Namespace"
	kindNode      = "Node"
	kindEndpoint  = dnsendpoint.Kind

	kindK8gbGslb = kindGslb + "." + k8gb.Group
	kindAbsaGslb = kindGslb + "." + k8gb.AbsaGroup
	kindK8gbZone = kindZone + "." + k8gb.Group
)

type modelConfig struct {
	self          gslb.GeoTag
	names         []string
	zones         []gslb.ZoneIntent
	addrs         []netip.Addr
	allowLoopback bool
	internal      []netip.Prefix                        // addresses inside the cluster
	entries       []netip.Prefix                        // that are entries all the same
	k8gb          bool                                  // k8gb's objects are read too
	book          *hostnames.Book[types.NamespacedName] // nil: names of load balancers are not resolved
	holdEntries   time.Duration                         // see Config
	asksDraining  bool
	before        func(gslb.Source, gslb.Name) []gslb.Entry // see leaving.NewDrains; nil: nothing is known
}

// model knows the objects of a folder, which Gslb needs which of them, and what each
// Gslb means. A change costs what it touches: the Gslbs that need the objects that
// changed. It is not safe for concurrent use.
type model struct {
	cfg       modelConfig
	inventory *inventory
	slices    map[key]map[key]struct{} // EndpointSlices by namespace and the label that names their Service, and by pod address
	ranges    *translate.NodeRanges
	nodes     map[string]string      // virtual nodes, with the clusters that they stand for
	annotated map[key]*annotatedGslb // by the object with the annotations
	gslbs     map[types.NamespacedName]*gslbState
	users     *refs.Index[types.NamespacedName]
	zones     translate.ZonesOutput
	unzoned   []located // findings about ZoneDelegations
	stays     stays
	gates     gates

	dirty      map[types.NamespacedName]struct{}
	allDirty   bool
	zonesDirty bool
}

// annotatedGslb is a Gslb that an annotation asks for. One whose annotations were
// broken stays as it was.
type annotatedGslb struct {
	gslb     *gslbv1beta1.Gslb
	problems []Problem
}

// gslbState is one Gslb and what it means.
type gslbState struct {
	output   translate.Output
	findings []located // the bad ones
	gates    []Problem // readiness gates whose objects no file has
}

func newModel(c modelConfig) *model {
	return &model{
		cfg: c, inventory: newInventory(c.k8gb), ranges: translate.NewNodeRanges(), slices: make(map[key]map[key]struct{}), nodes: make(map[string]string),
		annotated: make(map[key]*annotatedGslb), gslbs: make(map[types.NamespacedName]*gslbState),
		users: refs.NewIndex[types.NamespacedName](), dirty: make(map[types.NamespacedName]struct{}),
		zonesDirty: true, stays: newStays(&c), gates: newGates(),
	}
}

// set takes what a file holds; [model.settle] makes it count.
func (m *model) set(name string, objects []validate.Object, gone bool) {
	for k, before := range m.inventory.set(name, objects, gone) {
		m.changed(k, before)
	}
	m.gates.set(name, objects, gone, m.touch)
}

// changed marks whatever looks at an object.
func (m *model) changed(k key, before *held) {
	now := m.inventory.objects[k]
	if now == nil {
		m.stays.memory.Forget(k)
	}
	switch k.kind {
	case kindGslb, kindK8gbGslb, kindAbsaGslb:
		m.touch(types.NamespacedName{Namespace: k.namespace, Name: k.name})
	case kindZone, kindK8gbZone, kindEndpoint:
		m.zonesDirty = true
	case kindSlice:
		for _, h := range []*held{before, now} {
			if h != nil {
				m.slice(h, h == now)
			}
		}
		m.touchUsers(before, now)
	case kindNode:
		m.node(k)
	default:
		// Who may state records depends on the labels of namespaces.
		m.zonesDirty = m.zonesDirty || k.kind == kindNamespace && m.zones.Endpoints > 0
		m.annotations(k)
		m.touchUsers(before, now)
	}
}

func (m *model) touch(name types.NamespacedName) { m.dirty[name] = struct{}{} }

// touchUsers marks the Gslbs that read an object, as it was or as it is.
func (m *model) touchUsers(versions ...*held) {
	for _, h := range versions {
		if h == nil {
			continue
		}
		obj, ok := h.value.(refs.Object)
		if !ok {
			continue
		}
		if row := refs.RowOf(obj); row != nil {
			for name := range m.users.On(row.GroupKind, obj) {
				m.touch(name)
			}
		}
	}
}

// slice keeps the EndpointSlices by what they belong to, and by the addresses of their pods.
func (m *model) slice(h *held, there bool) {
	slice, ok := h.value.(*discoveryv1.EndpointSlice)
	if !ok {
		return
	}
	var all []key
	for _, label := range refs.SliceLabels() {
		if name := slice.Labels[label]; name != "" {
			all = append(all, key{kindSlice, h.key.namespace, label + "=" + name})
		}
	}
	for _, pair := range refs.AddressPairs(slice) {
		all = append(all, key{kindSlice, "", pair})
	}
	for _, k := range all {
		if m.slices[k] == nil {
			m.slices[k] = make(map[key]struct{})
		}
		if there {
			m.slices[k][h.key] = struct{}{}
		} else if delete(m.slices[k], h.key); len(m.slices[k]) == 0 {
			delete(m.slices, k)
		}
	}
}

// node keeps the virtual nodes, as any endpoint may be on one, and what nodes tell of
// addresses, as any entry may be one of them.
func (m *model) node(k key) {
	before := m.nodes[k.name]
	delete(m.nodes, k.name)
	node := valueOf[*corev1.Node](m.inventory, k)
	m.allDirty = len(m.ranges.Set(k.name, node)) > 0 || m.allDirty
	if node != nil {
		if cluster, virtual := translate.VirtualNode(node); virtual {
			m.nodes[k.name] = cluster
		}
	}
	m.allDirty = m.allDirty || m.nodes[k.name] != before
}

// annotations keeps the Gslb that an object asks for.
func (m *model) annotations(k key) {
	h := m.inventory.objects[k]
	var next *annotatedGslb
	if h != nil {
		if obj, ok := h.value.(refs.Object); ok {
			g, problems := translate.FromAnnotations(obj)
			if g != nil {
				g.CreationTimestamp = obj.GetCreationTimestamp()
			} else if len(problems) > 0 && m.annotated[k] != nil {
				g = m.annotated[k].gslb
			}
			if g != nil || len(problems) > 0 {
				next = &annotatedGslb{gslb: g}
			}
			for _, p := range problems {
				next.problems = append(next.problems, placed(h, Error, p.Path, p.Message))
			}
		}
	}
	if next == nil && m.annotated[k] == nil {
		return
	}
	delete(m.annotated, k)
	if next != nil {
		m.annotated[k] = next
	}
	m.touch(types.NamespacedName{Namespace: k.namespace, Name: k.name})
}

// find gives the Gslb of a name, an explicit one before one of an annotation, and the
// object that it stands in; none if there is none.
func (m *model) find(name types.NamespacedName) (translate.Chosen, *held) {
	at := func(kind string) key { return key{kind, name.Namespace, name.Name} }
	twins := translate.Twins{
		Own:  valueOf[*gslbv1beta1.Gslb](m.inventory, at(kindGslb)),
		K8gb: valueOf[*k8gb.Gslb](m.inventory, at(kindK8gbGslb)),
		Absa: valueOf[*absa.Gslb](m.inventory, at(kindAbsaGslb)),
	}
	for _, kind := range []string{kindGslb, kindK8gbGslb, kindAbsaGslb} {
		if h := m.inventory.objects[at(kind)]; h != nil {
			return twins.Choose(), h
		}
	}
	for _, row := range refs.Kinds() {
		k := key{refs.Word(row.GroupKind), name.Namespace, name.Name}
		if a := m.annotated[k]; a != nil && a.gslb != nil {
			return translate.Chosen{Gslb: a.gslb}, m.inventory.objects[k]
		}
	}
	return translate.Chosen{}, nil
}

// change is a Gslb that means something else than before.
type change struct {
	name   types.NamespacedName
	before translate.Output // the zero Output: it is new
	after  translate.Output // the zero Output: it is gone
}

// settle translates what is marked, and gives the changes. zones says that the zones
// changed.
func (m *model) settle() (changes []change, zones bool) {
	if m.zonesDirty {
		terms := m.terms()
		zones = m.settleZones()
		m.allDirty = m.allDirty || !reflect.DeepEqual(terms, m.terms())
	}
	if m.allDirty {
		for name := range m.gslbs {
			m.touch(name)
		}
		m.allDirty = false
	}
	for name := range m.dirty {
		if c, changed := m.translate(name); changed {
			changes = append(changes, c)
		}
	}
	clear(m.dirty)
	if len(changes) > 0 && m.zones.Endpoints > 0 { // who has which host decides who has a name
		zones = m.settleZones() || zones
	}
	return changes, zones
}

func (m *model) translate(name types.NamespacedName) (change, bool) {
	c := change{name: name}
	old := m.gslbs[name]
	if old != nil {
		c.before = old.output
	}
	chosen, stands := m.find(name)
	if chosen.Gslb == nil {
		delete(m.gslbs, name)
		m.users.Remove(name)
		m.stays.forget(name)
		m.want(name, nil)
		m.gates.want(name, nil)
		return c, old != nil
	}
	now := time.Now()
	in, again := m.input(&chosen, now)
	state := &gslbState{output: translate.Build(in)}
	m.stays.drain(name, &state.output, now, again)
	state.findings = m.locate(stands, state.output.Findings)
	state.gates = m.gateProblems(stands, state.output.Findings)
	m.gates.want(name, state.output.Gates)
	m.gslbs[name] = state
	m.want(name, state.output.Hostnames)
	c.after = state.output
	return c, old == nil || !reflect.DeepEqual(c.before, c.after)
}

// want says which names of load balancers a Gslb needs.
func (m *model) want(name types.NamespacedName, hostnames []string) {
	if m.cfg.book != nil {
		m.cfg.book.Want(name, hostnames)
	}
}
