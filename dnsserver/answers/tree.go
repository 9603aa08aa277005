// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// node is a name that exists: a zone apex, a host, the owner of static records,
// an empty non-terminal (none of these, something below it), or the localtargets
// name of a host. It is never changed once it is in an index.
type node struct {
	key     string     // wire name, lower-case
	zone    int        // index into Table.zones
	cut     *cut       // the delegation at the name or above it; nil: the name is ours
	sets    []*rrset   // of the host, by type; none: it has nothing to answer
	both    [2]*rrset  // where sets lie, as long as the node is not copied
	apex    bool       // the zone begins here
	static  []*packed  // static records, by type
	host    *gslb.Host // nil: no host has this name
	below   int        // names directly below that exist
	aliases *aliases   // of a host some of whose answers are CNAMEs; nil: none are
	local   *local     // what the name answers as localtargets-HOST; nil: it is no such name
}

// set gives the records of a type; nil if there are none.
func (n *node) set(rrtype uint16) *rrset {
	for _, s := range n.drawn() {
		if s.rrtype == rrtype {
			return s
		}
	}
	if n.aliases != nil && len(n.static) == 0 {
		return n.aliases.any
	}
	return nil
}

// drawn gives the sets of the host as they are answered.
func (n *node) drawn() []*rrset {
	if n.aliases != nil && len(n.static) > 0 {
		return n.aliases.plain
	}
	return n.sets
}

// run gives the static records of a type; nil if there are none. At a host,
// addresses are the host's.
func (n *node) run(rrtype uint16) *packed {
	if n.host != nil && (isAddress(rrtype) || rrtype == dns.TypeCNAME) {
		return nil
	}
	return setOf(n.static, rrtype)
}

// bare reports that the node is a host with nothing to answer, and no record
// stands beside it.
func (n *node) bare() bool {
	return n.host != nil && len(n.sets) == 0 && len(n.static) == 0 && !n.apex
}

func setOf(sets []*packed, rrtype uint16) *packed {
	for _, p := range sets {
		if p.rrtype == rrtype {
			return p
		}
	}
	return nil
}

// edit collects changes of the tree of names over an index. A name exists while
// it is an apex, a host, or has a name below; so each node counts those
// directly below it, and removing a host removes exactly the empty
// non-terminals that only it made (RFC 8020, RFC 4592 §2.2.2).
type edit struct {
	base    *index
	changes map[string]*node // private copies; nil: removed
}

func newEdit(base *index) *edit { return &edit{base: base, changes: make(map[string]*node)} }

// peek gives a node that must not be changed; nil if the name does not exist.
func (e *edit) peek(key string) *node {
	if n, ok := e.changes[key]; ok {
		return n
	}
	return e.base.get([]byte(key))
}

// own gives a copy of a node that may be changed; nil if the name does not exist.
func (e *edit) own(key string) *node {
	if n, ok := e.changes[key]; ok {
		return n
	}
	n := e.base.get([]byte(key))
	if n == nil {
		return nil
	}
	private := *n
	e.changes[key] = &private
	return &private
}

// add makes a name exist, and those between it and its apex, which must exist.
func (e *edit) add(key string, zone int) *node {
	if n := e.own(key); n != nil {
		return n
	}
	n := &node{key: key, zone: zone}
	e.changes[key] = n
	e.add(parentOf(key), zone).below++
	return n
}

// apex makes a zone begin at a name. parent is the index of the zone around it,
// in which the names between exist; -1 if there is none.
func (e *edit) apex(key string, zone, parent int) {
	var n *node
	if parent < 0 {
		n = &node{key: key}
		e.changes[key] = n
	} else {
		n = e.add(key, parent)
	}
	n.zone, n.apex = zone, true
}

// clear takes the host, if there is one, away from a name, and the name with it
// if nothing else keeps it.
func (e *edit) clear(key string) {
	n := e.own(key)
	if n == nil {
		return
	}
	n.host, n.sets, n.aliases = nil, nil, nil
	e.prune(n)
}

// strip takes the static records away from a name, and the name with them if
// nothing else keeps it.
func (e *edit) strip(key string) {
	n := e.own(key)
	if n == nil {
		return
	}
	n.static = nil
	e.prune(n)
}

// prune removes a name that nothing keeps, and those above that only it kept.
func (e *edit) prune(n *node) {
	for n.below == 0 && n.host == nil && n.static == nil && n.local == nil && !n.apex {
		e.changes[n.key] = nil
		n = e.own(parentOf(n.key))
		n.below--
	}
}
