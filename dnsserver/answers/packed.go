// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// packed is an RRset that is copied into messages as it is. Its owner, and ends
// of names in its data, are pointers that are filled in: the data are compressed
// against the name of the zone that holds the RRset, which stands in every
// message the RRset is copied into.
type packed struct {
	rrtype  uint16
	count   int
	wire    []byte
	ptrs    []pointer
	targets []target
	rdata   [][]byte // of each record, without compression
}

// pointer is a place in packed.wire where a compression pointer is filled in.
type pointer struct {
	at   int // offset in wire
	into int // octets from the start of the zone's name; or toOwner
}

// toOwner is the pointer to the owner of the records.
const toOwner = -1

// target is a name that a record leads to: of a CNAME, or one whose addresses
// may be added (RFC 1035 §3.3.9, §3.3.11, RFC 2782, RFC 9460 §4.1). Each name
// once in an RRset.
type target struct {
	at   int    // offset of the name in packed.wire
	name []byte // wire form, lower case; nil: the owner itself
}

func (p *packed) ttl() uint32 { return binary.BigEndian.Uint32(p.wire[6:]) }

// append copies the records into a message; owner and zone are the offsets of
// those names in it.
func (p *packed) append(msg []byte, owner, zone int) ([]byte, int) {
	base := len(msg)
	msg = append(msg, p.wire...)
	for _, ptr := range p.ptrs {
		to := owner
		if ptr.into >= 0 {
			to = zone + ptr.into
		}
		binary.BigEndian.PutUint16(msg[base+ptr.at:], uint16(pointerBits|to))
	}
	return msg, p.count
}

// begin begins a record; into says whose it is.
func (p *packed) begin(into int, ttl uint32) {
	p.ptrs = append(p.ptrs, pointer{len(p.wire), into})
	p.wire = appendFixed(p.wire, p.rrtype, ttl)
	p.count++
}

// data writes the data of the record that was begun: plain octets, a name that
// is compressed against a zone's, and plain octets again.
func (p *packed) data(z *zone, before []byte, name string, after []byte) {
	at := len(p.wire)
	p.wire = append(append(p.wire, 0, 0), before...)
	p.rdata = append(p.rdata, bytes.Join([][]byte{before, []byte(name), after}, nil))
	p.name(z, name)
	p.wire = append(p.wire, after...)
	binary.BigEndian.PutUint16(p.wire[at:], uint16(len(p.wire)-at-2))
}

// name writes a name, compressed where its end is an end of the zone's.
func (p *packed) name(z *zone, name string) {
	for len(name) > 1 {
		if into := len(z.wire) - len(name); into >= 0 && strings.HasSuffix(z.wire, name) && z.labelAt(into) {
			p.ptrs = append(p.ptrs, pointer{len(p.wire), into})
			p.wire = append(p.wire, 0, 0)
			return
		}
		p.wire = append(p.wire, name[:1+name[0]]...)
		name = parentOf(name)
	}
	if name != "" {
		p.wire = append(p.wire, 0)
	}
}

// leads notes that the last record leads to a name, at an offset of the wire.
func (p *packed) leads(at int, name []byte) {
	for _, t := range p.targets {
		if bytes.Equal(t.name, name) {
			return
		}
	}
	p.targets = append(p.targets, target{at, name})
}

// leadsToOwner reports that one of the records leads to its owner, without its
// name.
func (p *packed) leadsToOwner() bool {
	return slices.ContainsFunc(p.targets, func(t target) bool { return t.name == nil })
}

// isAddress reports that records of a type are addresses.
func isAddress(rrtype uint16) bool { return rrtype == dns.TypeA || rrtype == dns.TypeAAAA }
