// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// parsePart reads the set of a host or record. The error names the host.
func parsePart(s *set, zone gslb.Name) (*part, error) {
	p, host, err := readPart(s)
	if err == nil && !host.IsZero() {
		switch {
		case !host.In(zone):
			err = fmt.Errorf("it does not lie in the zone %s", zone)
		case hostLabel(host) != s.label:
			err = fmt.Errorf("it stands under the label %s, which is another name's", s.label)
		}
	}
	if err != nil {
		if host.IsZero() {
			return nil, fmt.Errorf("label %s: %w", s.label, err)
		}
		return nil, fmt.Errorf("host %s: %w", host, err)
	}
	return p, nil
}

// readPart gives also the name that the set is about, as far as it was read.
func readPart(s *set) (*part, gslb.Name, error) {
	var host gslb.Name
	if s.size > maxSetBytes {
		return nil, host, fmt.Errorf("%d octets; at most %d are allowed", s.size, maxSetBytes)
	}
	p := &part{}
	var entries []numbered[gslb.Entry]
	for _, d := range s.txt {
		l, err := parseLine(d)
		if err != nil {
			return nil, host, err
		}
		in := &reader{line: &l}
		about := host
		switch l.kind {
		case kindHost:
			if p.offer != nil {
				return nil, host, errors.New("two host records")
			}
			p.offer = parseHost(in)
			about = p.offer.Host
		case kindEntry:
			entries = append(entries, numbered[gslb.Entry]{int(in.uint("n", 16)), parseEntry(in)})
		case kindRecord:
			rec := parseRecord(in)
			about, p.records = rec.value.Name, append(p.records, rec)
		case kindChallenge:
			rec := parseRecord(in)
			about, p.challenges = rec.value.Name, append(p.challenges, rec)
		}
		if host.IsZero() {
			host = about
		}
		if in.err == nil && about != host {
			in.err = fmt.Errorf("%s stands under the same label", about)
		}
		if in.err != nil {
			return nil, host, in.err
		}
	}
	switch {
	case len(entries) > maxEntries:
		return nil, host, fmt.Errorf("%d entries; at most %d are allowed", len(entries), maxEntries)
	case len(entries) > 0 && p.offer == nil:
		return nil, host, errors.New("entries without a host record")
	case p.offer != nil:
		p.offer.Entries = sortedByNumber(entries)
	}
	return p, host, nil
}

func parseHost(in *reader) *gslb.Offer {
	o := &gslb.Offer{
		Source: gslb.Source{
			Kind: in.text("kind", maxWord), Namespace: in.text("namespace", maxObject), Name: in.text("object", maxObject),
		},
		Created: in.time("created"),
		Policy: gslb.Policy{
			Strategy: gslb.Strategy(in.word("strategy")), Primary: in.tag("primary"), FailoverOrder: in.tags("order"),
			Weights: in.weights("weights"), TTL: uint32(in.uint("ttl", 32)), SplitBrain: in.duration("splitbrain"),
			MaxAnswers: uint16(in.uint("max", 16)), WhenAllUnhealthy: gslb.WhenAllUnhealthy(in.word("unhealthy")),
			Fallback: in.addrs("fallback"),
		},
		Reason: gslb.Reason(in.word("reason")),
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
		Hostname: in.text("hostname", maxText), Reason: gslb.Reason(in.word("reason")), Since: in.time("since"),
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

func parseRecord(in *reader) numbered[gslb.Record] {
	rec := gslb.Record{Name: in.name("name"), TTL: uint32(in.uint("ttl", 32)), Data: in.text("data", maxData)}
	s := in.raw("type", maxWord)
	if t, ok := dns.StringToType[s]; ok {
		rec.Type = t
	} else if v, err := strconv.ParseUint(strings.TrimPrefix(s, "TYPE"), 10, 16); err == nil && v > 0 {
		rec.Type = uint16(v)
	} else {
		in.fail("type", fmt.Errorf("%q is not a record type", clip(s)))
	}
	return numbered[gslb.Record]{int(in.uint("n", 16)), rec}
}
