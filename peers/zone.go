// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// Zone is a report as it stands in DNS: `_report.TAG.ZONE` at one serial of one
// instance. It is immutable; versions of a zone share what did not change.
type Zone struct {
	tag      gslb.GeoTag
	zone     gslb.Name
	origin   name
	instance string
	serial   uint32
	sets     []*set // by label, the apex ("") first
	size     int    // octets of RDATA
	offers   int    // sets that offer a host, where sets were read
	extra    []*set // those that say more than an offer: records
}

// set is what one owner holds, in wire order.
type set struct {
	label string
	txt   [][]byte
	size  int
	part  *part // what it says; nil for the apex, and in our own zones
}

// offer gives what the set offers; nil: nothing.
func (s *set) offer() *gslb.Offer {
	if s == nil || s.part == nil {
		return nil
	}
	return s.part.offer
}

// extra says that the set has more than an offer.
func (s *set) extra() bool {
	return s != nil && s.part != nil && (s.part.bad > 0 || len(s.part.records)+len(s.part.challenges) > 0)
}

// newZone makes an empty zone for a report; the error names what cannot be a
// name.
func newZone(tag gslb.GeoTag, zone gslb.Name) (*Zone, error) {
	n, err := gslb.ReportZone(tag, zone)
	if err != nil {
		return nil, fmt.Errorf("report zone of cluster %s: %w", tag, err)
	}
	// A host label of 32 letters must still fit below it.
	if origin := wireName(n); len(origin)+33 <= 255 {
		return &Zone{tag: tag, zone: zone, origin: origin}, nil
	}
	return nil, fmt.Errorf("report zone %s is too long by some octets: a label of 32 must fit below it", n)
}

// Instance names the process that wrote the report.
func (z *Zone) Instance() string { return z.instance }

// Serial is the SOA serial; it counts within the instance.
func (z *Zone) Serial() uint32 { return z.serial }

func (z *Zone) soa() soa { return soa{instance: z.instance, serial: z.serial} }

func compareLabel(s *set, label string) int { return strings.Compare(s.label, label) }

// find gives the set of a label; nil if there is none.
func (z *Zone) find(label string) *set {
	i, ok := slices.BinarySearchFunc(z.sets, label, compareLabel)
	if !ok {
		return nil
	}
	return z.sets[i]
}

// apex is the set of the zone's own name; nil in an empty zone.
func (z *Zone) apex() *set {
	if len(z.sets) == 0 || z.sets[0].label != "" {
		return nil
	}
	return z.sets[0]
}

// with gives a version of the zone in which the sets of some labels are
// replaced; nil removes one. Its price is one pointer per set.
func (z *Zone) with(changes map[string]*set, s soa) *Zone {
	next := *z
	next.instance, next.serial = s.instance, s.serial
	labels := make([]string, 0, len(changes))
	for l := range changes {
		labels = append(labels, l)
	}
	slices.Sort(labels)
	next.sets = make([]*set, 0, len(z.sets)+len(changes))
	old, again := z.sets, false
	for _, l := range labels {
		i, found := slices.BinarySearchFunc(old, l, compareLabel)
		next.sets = append(next.sets, old[:i]...)
		c := changes[l]
		again = again || c.extra()
		if found {
			next.size -= old[i].size
			if old[i].offer() != nil {
				next.offers--
			}
			again = again || old[i].extra()
			i++
		}
		old = old[i:]
		if c != nil {
			next.sets = append(next.sets, c)
			next.size += c.size
			if c.offer() != nil {
				next.offers++
			}
		}
	}
	next.sets = append(next.sets, old...)
	if again {
		next.findExtra()
	}
	return &next
}

func (z *Zone) findExtra() {
	z.extra = nil
	for _, s := range z.sets {
		if s.extra() {
			z.extra = append(z.extra, s)
		}
	}
}

// sameText reports that two sets hold the same records in the same order.
func (s *set) sameText(o *set) bool {
	return s != nil && o != nil && slices.EqualFunc(s.txt, o.txt, bytes.Equal)
}

// diff gives the sets that differ between two versions: pairs of old and new,
// nil on the side where there is none. It compares pointers first, so that
// shared sets cost next to nothing.
func diff(old, cur *Zone) [][2]*set {
	var out [][2]*set
	a, b := old.sets, cur.sets
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(a) > 0 && len(b) > 0 && a[0] == b[0]:
			a, b = a[1:], b[1:]
		case len(b) == 0 || len(a) > 0 && a[0].label < b[0].label:
			out = append(out, [2]*set{a[0], nil})
			a = a[1:]
		case len(a) == 0 || b[0].label < a[0].label:
			out = append(out, [2]*set{nil, b[0]})
			b = b[1:]
		default:
			if !a[0].sameText(b[0]) {
				out = append(out, [2]*set{a[0], b[0]})
			}
			a, b = a[1:], b[1:]
		}
	}
	return out
}

// bounded refuses a zone that is beyond the limits of the format.
func (z *Zone) bounded() error {
	switch {
	case len(z.sets) > 1+maxHosts+maxRecords:
		return fmt.Errorf("%d names; at most %d hosts and %d records are allowed", len(z.sets)-1, maxHosts, maxRecords)
	case z.size > maxZoneBytes:
		return fmt.Errorf("%d octets; at most %d are allowed", z.size, maxZoneBytes)
	}
	return nil
}

// String gives the zone in presentation format, as `dig AXFR` would show it:
// the SOA, the NS, then every TXT.
func (z *Zone) String() string {
	origin := presentation(z.origin)
	var b strings.Builder
	fmt.Fprintf(&b, "%s 0 IN SOA %s.%s . %d %d %d %d %d\n", origin, z.instance, origin,
		z.serial, soaRefresh, soaRetry, soaExpire, soaMinimum)
	fmt.Fprintf(&b, "%s 0 IN NS invalid.\n", origin)
	for _, s := range z.sets {
		owner := origin
		if s.label != "" {
			owner = s.label + "." + origin
		}
		for _, t := range s.txt {
			fmt.Fprintf(&b, "%s 0 IN TXT", owner)
			for len(t) > 0 {
				n := 1 + int(t[0])
				b.WriteByte(' ')
				quote(&b, t[1:n])
				t = t[n:]
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// quote writes a character-string as zone files do (RFC 1035 §5.1).
func quote(b *strings.Builder, s []byte) {
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(b, "\\%03d", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
}

// presentation gives a name as people write it, with escapes where needed.
func presentation(n name) string {
	s, _, err := dns.UnpackDomainName([]byte(n), 0)
	if err != nil {
		return "?"
	}
	return s
}

var errNoApex = errors.New("the zone does not say whose report it is: it has no cluster record")
