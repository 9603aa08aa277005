// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"errors"
	"fmt"
	"slices"

	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// parsePart reads the set of a host or of records. The error names the host. A
// record that cannot be read is left out and noted: what it would have added is
// missed, and nothing else.
func parsePart(s *set, zone gslb.Name) (*part, error) {
	p, err := readPart(s)
	if err == nil && p.offer != nil {
		switch host := p.offer.Host; {
		case !host.In(zone):
			err = fmt.Errorf("it does not lie in the zone %s", zone)
		case hostLabel(host) != s.label:
			err = fmt.Errorf("it stands under the label %s, which is another name's", s.label)
		}
	}
	if err != nil {
		if p == nil || p.offer == nil {
			return nil, fmt.Errorf("label %s: %w", s.label, err)
		}
		return nil, fmt.Errorf("host %s: %w", p.offer.Host, err)
	}
	p.check(s.label, zone)
	return p, nil
}

// check leaves out the records that do not belong under the label.
func (p *part) check(label string, zone gslb.Name) {
	for _, list := range []*[]numbered[gslb.Record]{&p.records, &p.challenges} {
		*list = slices.DeleteFunc(*list, func(r numbered[gslb.Record]) bool {
			switch n := r.value.Name; {
			case !n.In(zone):
				p.leaveOut(fmt.Errorf("record %s does not lie in the zone %s", n, zone))
			case hostLabel(n) != label:
				p.leaveOut(fmt.Errorf("record %s stands under the label %s, which is another name's", n, label))
			default:
				return false
			}
			return true
		})
	}
}

// leaveOut notes a record that cannot be used.
func (p *part) leaveOut(why error) {
	if p.bad++; p.badWhy == nil {
		p.badWhy = why
	}
}

// readPart gives, with an error too, what was read so far.
func readPart(s *set) (*part, error) {
	p := &part{}
	if s.size > maxSetBytes {
		return p, fmt.Errorf("%d octets; at most %d are allowed", s.size, maxSetBytes)
	}
	var entries []numbered[gslb.Entry]
	for _, d := range s.txt {
		l, err := parseLine(d)
		if errors.Is(err, errPastEnd) {
			return p, err
		}
		in := &reader{line: &l, err: err}
		switch l.kind {
		case kindHost:
			if p.offer != nil {
				return p, errors.New("two host records")
			}
			if err == nil {
				p.offer = parseHost(in)
			}
		case kindEntry:
			if err == nil {
				entries = append(entries, numbered[gslb.Entry]{int(in.uint("n", 16)), parseEntry(in)})
			}
		case kindRecord, kindChallenge:
			switch rec := parseRecord(in); {
			case in.err != nil:
				p.leaveOut(in.err)
				in.err = nil
			case l.kind == kindRecord:
				p.records = append(p.records, rec)
			default:
				p.challenges = append(p.challenges, rec)
			}
		}
		if in.err != nil {
			return p, in.err
		}
	}
	switch {
	case len(entries) > maxEntries:
		return p, fmt.Errorf("%d entries; at most %d are allowed", len(entries), maxEntries)
	case len(entries) > 0 && p.offer == nil:
		return p, errors.New("entries without a host record")
	case p.offer != nil:
		p.offer.Entries = sortedByNumber(entries)
	}
	return p, nil
}

func parseHost(in *reader) *gslb.Offer {
	o := &gslb.Offer{
		Source: gslb.Source{
			Kind: in.text("kind", maxWord), Namespace: in.text("namespace", maxObject), Name: in.text("object", maxObject),
		},
		Created: in.time("created"),
		Policy: gslb.Policy{
			Strategy: gslb.Strategy(in.word("strategy")), Primary: in.tag("primary"), FailoverOrder: in.tags("order"),
			Weights: in.weights("weights"), TTL: uint32(in.uint("ttl", 32)), SplitBrain: in.duration("splitbrain"), ReturnDelay: in.duration("returndelay"),
			MaxAnswers: uint16(in.uint("max", 16)), WhenAllUnhealthy: gslb.WhenAllUnhealthy(in.word("unhealthy")),
			Fallback: in.addrs("fallback"), CNAME: in.word("hostnames") == hostnamesAsCNAME,
		},
		Reason: gslb.Reason(in.word("reason")), DependsOn: in.texts("needs"), Bare: in.word("backends") == backendsBare,
	}
	var err error
	if o.Host, err = gslb.ParseHost(in.raw("name", maxText)); err != nil {
		in.fail("name", err)
	}
	switch v := gslb.Override(in.raw("override", maxWord)); v {
	case gslb.Drain, gslb.Force:
		o.Override = v
	case gslb.NoOverride: // and words of later versions
	}
	return o
}

func parseEntry(in *reader) gslb.Entry {
	e := gslb.Entry{
		Hostname: in.text("hostname", maxText), Reason: gslb.Reason(in.word("reason")), Since: in.time("since"), Until: in.time("until"),
		Weight: uint16(in.uint("weight", 16)), Owners: in.tags("owners"),
		Ask: gslb.Ask{
			Scheme: in.word("scheme"), Port: uint16(in.uint("port", 16)),
			SNI: in.text("sni", maxText), Path: in.text("path", maxPath),
		},
	}
	switch in.raw("health", maxWord) {
	case gslb.Healthy.String():
		e.Health = gslb.Healthy
	case gslb.Unhealthy.String():
		e.Health = gslb.Unhealthy
	}
	if s := in.raw("addr", maxWord); s != "" {
		e.Addr = in.addr("addr", s)
		if f := in.raw("family", maxWord); in.err == nil && f != familyOf(e.Addr) {
			in.fail("family", fmt.Errorf("%q does not fit the address %s", f, e.Addr))
		}
	} else if e.Hostname == "" {
		in.fail("addr", errors.New("an entry has an address or a host name"))
	}
	return e
}

// parseRecord reads a record in canonical form. Types of records that are not to be
// served are read too: the union of all clusters says so of them.
func parseRecord(in *reader) numbered[gslb.Record] {
	rec := gslb.Record{Name: in.name("name"), TTL: uint32(in.uint("ttl", 31)), Data: in.text("data", maxData)} // RFC 2181 §8
	var err error
	if rec.Type, err = rdata.ParseType(in.raw("type", maxWord)); err != nil {
		in.fail("type", err)
	} else if rec.Type == 0 {
		in.fail("type", errors.New("type 0 is none"))
	}
	if in.err == nil {
		if rec.Data, err = rdata.Canonical(rec.Type, rec.Data); err != nil {
			in.fail("data", err)
		} else if len(rec.Data) > maxData {
			in.fail("data", fmt.Errorf("%d octets in canonical form; at most %d are allowed", len(rec.Data), maxData))
		}
	}
	return numbered[gslb.Record]{int(in.uint("n", 16)), rec}
}
