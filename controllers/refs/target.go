// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/gslb"
)

// Target is what an object means, in the same words for every kind.
type Target struct {
	Source      gslb.Source       // the object
	Annotations map[string]string // of the object; not to be changed
	Hosts       []Host            // in order of appearance, each name once
	Notes       []Note            // what to know about it beside that
}

// Note is something to tell in condition Resolved.
type Note struct {
	Reason  string // of api/v1beta1
	Bad     bool   // it makes the condition False
	On      gslb.Source
	Path    string // of a field of On; "" for the whole object
	Message string
}

// Host is a name that an object serves.
type Host struct {
	Name     string      // as written there
	On       gslb.Source // the object whose field names it
	Path     string      // of that field, such as "spec.rules[0].host"
	TLS      bool        // clients use TLS
	URLPath  string      // a path that is served, for HTTP; "" if none is known
	Backends []Backend   // behind it, each once, in order of appearance
	Others   []string    // backends behind it whose health no object tells, in words
	Dead     string      // why no request for it can reach a backend, in words; "" if one can

	Entries []Entry       // where clients arrive, as the status of objects says, in its order
	Via     []gslb.Source // the objects whose status is meant, whether it has addresses or not
	Missing []string      // what should give entries and does not, and why, in words
}

// Backend is a Service, or a ServiceImport of the multi-cluster services API.
type Backend struct {
	Kind schema.GroupKind
	types.NamespacedName
	Refused string // why it may not be used, in words; "" if it may
	Dead    string // why no request gets to it, in words; "" if some may
}

// ServiceBackend is a Service that may be used.
func ServiceBackend(namespace, name string) Backend {
	return Backend{Kind: KindService, NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

// Key is the key of the object.
func (b *Backend) Key() Key { return ByName(b.Kind, b.Namespace, b.Name) }

// Slices is the key of its EndpointSlices.
func (b *Backend) Slices() Key {
	if b.Kind == KindServiceImport {
		return Key{Kind: KindEndpointSlice, Namespace: b.Namespace, Labels: labelImportName + "=" + b.Name}
	}
	return SlicesKey(b.NamespacedName)
}

// String is kind, namespace and name.
func (b *Backend) String() string { return Word(b.Kind) + " " + b.NamespacedName.String() }

// Entry is an address where clients arrive, or the name of a load balancer.
type Entry struct {
	IP       string
	Hostname string
	On       gslb.Source // the object whose status has it
	Path     string      // of the field
	Scheme   string      // how clients speak there: http, https, tls, tcp or udp; "": http or https, as Host.TLS says
	Port     uint16      // where they connect; 0: the usual port of the scheme
	Class    string      // the IngressClass of the Ingress whose status has it; "": none is known
	Down     string      // why nobody is behind it, in words; "" if somebody may be
}

// Read says what an object means; false for kinds that cannot be referred to. More can be
// known once what l was asked for is found.
func Read(obj Object, l *Lookup) (Target, bool) {
	row := RowOf(obj)
	if row == nil || !row.Referable() {
		return Target{}, false
	}
	t := row.read(obj, l)
	t.follow(l)
	return t, true
}

// Merge makes one list of the hosts of several objects: a host that several have is once
// in it, with the backends and entries of all.
func Merge(targets []Target) []Host {
	if len(targets) == 1 {
		return targets[0].Hosts
	}
	var all []Host
	for i := range targets {
		for _, h := range targets[i].Hosts {
			j := slices.IndexFunc(all, func(have Host) bool { return have.Name == h.Name })
			if j < 0 {
				all = append(all, h.clone())
				continue
			}
			all[j].merge(&h)
		}
	}
	return all
}

func (h *Host) clone() Host {
	c := *h
	c.Backends, c.Others = slices.Clone(h.Backends), slices.Clone(h.Others)
	c.Entries, c.Via, c.Missing = slices.Clone(h.Entries), slices.Clone(h.Via), slices.Clone(h.Missing)
	return c
}

func (h *Host) merge(o *Host) {
	h.TLS = h.TLS || o.TLS
	h.URLPath = better(h.URLPath, o.URLPath)
	if h.Dead != "" {
		h.Dead = o.Dead
	}
	for _, b := range o.Backends {
		h.addBackend(b)
	}
	for _, other := range o.Others {
		h.addOther(other)
	}
	for _, e := range o.Entries {
		h.addEntry(e)
	}
	for _, v := range o.Via {
		h.addVia(v)
	}
	h.Missing = append(h.Missing, o.Missing...)
}

// addBackend adds a backend once. One that may be used somewhere may be used, and one that
// requests get to somewhere counts.
func (h *Host) addBackend(b Backend) {
	i := slices.IndexFunc(h.Backends, func(have Backend) bool { return have.Kind == b.Kind && have.NamespacedName == b.NamespacedName })
	switch {
	case i < 0:
		h.Backends = append(h.Backends, b)
	default:
		if b.Refused == "" {
			h.Backends[i].Refused = ""
		}
		if b.Dead == "" {
			h.Backends[i].Dead = ""
		}
	}
}

func (h *Host) addOther(words string) {
	if !slices.Contains(h.Others, words) {
		h.Others = append(h.Others, words)
	}
}

func (h *Host) addVia(on gslb.Source) {
	if !slices.Contains(h.Via, on) {
		h.Via = append(h.Via, on)
	}
}

// addEntry adds an entry once: the first one of an address that is up counts.
func (h *Host) addEntry(e Entry) {
	i := slices.IndexFunc(h.Entries, func(have Entry) bool { return have.IP == e.IP && have.Hostname == e.Hostname })
	switch {
	case i < 0:
		h.Entries = append(h.Entries, e)
	case h.Entries[i].Down != "" && e.Down == "":
		h.Entries[i] = e
	}
}

// better keeps the first path found, unless a later one is the root.
func better(have, found string) string {
	if have == "" || found == "/" {
		return found
	}
	return have
}
