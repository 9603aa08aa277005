// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// part is what one owner says: an offer, records, or both.
type part struct {
	offer      *gslb.Offer
	records    []numbered[gslb.Record]
	challenges []numbered[gslb.Record]
}

// Report reads the zone. The error says what breaks the format, with host and
// key; the report must be the one that the zone was asked for.
func (z *Zone) Report() (*gslb.Report, error) {
	r, err := z.report()
	if err != nil {
		return nil, fmt.Errorf("report of cluster %s for zone %s: %w", z.tag, z.zone, err)
	}
	return r, nil
}

func (z *Zone) report() (*gslb.Report, error) {
	if err := z.bounded(); err != nil {
		return nil, err
	}
	apex := z.apex()
	if apex == nil {
		return nil, errNoApex
	}
	r, err := parseHeader(apex)
	if err != nil {
		return nil, err
	}
	switch {
	case r.Cluster != z.tag:
		return nil, fmt.Errorf("it says that it is cluster %s's", r.Cluster)
	case r.Zone != z.zone:
		return nil, fmt.Errorf("it says that it is for zone %s", r.Zone)
	case r.Instance != z.instance:
		return nil, fmt.Errorf("its SOA names instance %q and its cluster record %q", z.instance, r.Instance)
	}
	r.Serial = z.serial
	r.Offers = make(map[gslb.Name]*gslb.Offer, len(z.sets)-1)
	var records, challenges []numbered[gslb.Record]
	for _, s := range z.sets[1:] {
		if o := s.part.offer; o != nil {
			r.Offers[o.Host] = o
		}
		records = append(records, s.part.records...)
		challenges = append(challenges, s.part.challenges...)
	}
	if len(r.Offers) > maxHosts || len(records)+len(challenges) > maxRecords {
		return nil, fmt.Errorf("%d hosts and %d records; at most %d and %d are allowed",
			len(r.Offers), len(records)+len(challenges), maxHosts, maxRecords)
	}
	r.Records, r.Challenges = sortedByNumber(records), sortedByNumber(challenges)
	return r, nil
}

// parseHeader reads the apex into a report without offers.
func parseHeader(s *set) (*gslb.Report, error) {
	if s.size > maxSetBytes {
		return nil, fmt.Errorf("%d octets say what the cluster is; at most %d are allowed", s.size, maxSetBytes)
	}
	var r *gslb.Report
	var servers []numbered[gslb.NameServer]
	for _, d := range s.txt {
		l, err := parseLine(d)
		if err != nil {
			return nil, err
		}
		in := &reader{line: &l}
		switch l.kind {
		case kindCluster:
			if r != nil {
				return nil, errors.New("two cluster records")
			}
			if r, err = parseCluster(in); err != nil {
				return nil, err
			}
		case kindNS:
			ns := numbered[gslb.NameServer]{n: int(in.uint("n", 16))}
			ns.value = gslb.NameServer{Cluster: in.tag("cluster"), Name: in.name("name"), Addrs: in.addrs("addrs")}
			if servers = append(servers, ns); len(servers) > maxNameServers {
				in.fail("n", fmt.Errorf("at most %d name servers are allowed", maxNameServers))
			}
			if in.err != nil {
				return nil, in.err
			}
		}
	}
	if r == nil {
		return nil, errNoApex
	}
	r.NameServers = sortedByNumber(servers)
	return r, nil
}

func parseCluster(in *reader) (*gslb.Report, error) {
	if err := knownVersion(in.raw("v", maxWord)); err != nil {
		return nil, err
	}
	r := &gslb.Report{
		Cluster: in.tag("tag"), ClusterID: in.text("id", maxID), Instance: in.raw("instance", maxInstance),
		Zone: in.name("zone"), Public: uint32(in.uint("public", 32)), Hears: in.tags("hears"),
		Mark: in.uint("mark", 64), Blind: in.time("blind"),
	}
	if in.raw("edge", maxText) != "" {
		r.EdgeZone = in.name("edge")
	}
	switch a := gslb.Announcement(in.raw("state", maxWord)); a {
	case gslb.Pausing, gslb.Leaving:
		r.Announcement = a
	}
	if r.Cluster == "" {
		in.fail("tag", errors.New("missing"))
	}
	if err := checkID(r.ClusterID); err != nil {
		in.fail("id", err)
	}
	if err := checkInstance(r.Instance); err != nil {
		in.fail("instance", err)
	}
	return r, in.err
}

// knownVersion takes every minor version of a major that is known here.
func knownVersion(v string) error {
	major, _, _ := strings.Cut(v, ".")
	switch n, err := strconv.Atoi(major); {
	case err != nil:
		return fmt.Errorf("%s: v: %q is not a version", kindCluster, clip(v))
	case n != Format:
		return fmt.Errorf("it is in format %d, and only format %d is read here; upgrade the cluster that has the older release", n, Format)
	}
	return nil
}

// checkID refuses cluster ids that would break the option's text or a log.
func checkID(s string) error {
	if s == "" || len(s) > maxID {
		return fmt.Errorf("a cluster id has 1 to %d octets", maxID)
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == ',' || c == '=' {
			return fmt.Errorf("cluster id %q: only printable ASCII without blanks, commas and equal signs is allowed", clip(s))
		}
	}
	return nil
}

// checkInstance wants a DNS label that needs no folding.
func checkInstance(s string) error {
	ok := s != "" && len(s) <= maxInstance && s[0] != '-' && s[len(s)-1] != '-'
	for i := range len(s) {
		c := s[i]
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	if !ok {
		return fmt.Errorf("instance %q: 1 to %d lower-case letters, digits and hyphens are wanted", clip(s), maxInstance)
	}
	return nil
}

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
	}
	return o
}

// word takes a value of a list that later versions may make longer.
func (r *reader) word(key string) string {
	s := r.raw(key, maxWord)
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			r.fail(key, fmt.Errorf("%q is not a word", clip(s)))
			return ""
		}
	}
	return s
}

func (r *reader) weights(key string) []gslb.Weight {
	var out []gslb.Weight
	for _, s := range r.list(key, maxTags) {
		tag, value, _ := strings.Cut(s, ":")
		v, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			r.fail(key, fmt.Errorf("%q is not TAG:WEIGHT", clip(s)))
			return nil
		}
		out = append(out, gslb.Weight{Cluster: r.oneTag(key, tag), Weight: uint16(v)})
	}
	slices.SortFunc(out, func(a, b gslb.Weight) int { return strings.Compare(string(a.Cluster), string(b.Cluster)) })
	return out
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
