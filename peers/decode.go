// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/meridian-gslb/meridian/gslb"
)

// part is what one owner says: an offer, records, or both.
type part struct {
	offer      *gslb.Offer
	records    []numbered[gslb.Record]
	challenges []numbered[gslb.Record]

	bad    int   // records that were left out
	badWhy error // of the first of them
}

// LeftOut says how many records of the report cannot be read and are left out, and
// why the first of them; 0 and nil: none.
func (z *Zone) LeftOut() (n int, why error) {
	records := 0
	for _, s := range z.extra {
		if n += s.part.bad; why == nil {
			why = s.part.badWhy
		}
		records += len(s.part.records) + len(s.part.challenges)
	}
	if records > maxRecords {
		n += records - maxRecords
		if why == nil {
			why = fmt.Errorf("%d records; at most %d are allowed", records, maxRecords)
		}
	}
	return n, why
}

// Report reads the zone. The error says what breaks the format, with host and
// key; the report must be the one that the zone was asked for.
func (z *Zone) Report() (*gslb.Report, error) {
	r, err := z.header()
	if err != nil {
		return nil, err
	}
	r.Offers = make(map[gslb.Name]*gslb.Offer, z.offers)
	for _, s := range z.sets[1:] {
		if o := s.offer(); o != nil {
			r.Offers[o.Host] = o
		}
	}
	return r, nil
}

// since reads what differs from an earlier version: the report without its offers,
// and those that changed, nil where there is none any more.
func (z *Zone) since(old *Zone) (*gslb.Report, map[gslb.Name]*gslb.Offer, error) {
	r, err := z.header()
	if err != nil {
		return nil, nil, err
	}
	changed := make(map[gslb.Name]*gslb.Offer)
	for _, pair := range diff(old, z) {
		if o := pair[0].offer(); o != nil {
			changed[o.Host] = nil
		}
		if o := pair[1].offer(); o != nil {
			changed[o.Host] = o
		}
	}
	return r, changed, nil
}

// header reads all but the offers.
func (z *Zone) header() (*gslb.Report, error) {
	r, err := z.readHeader()
	if err != nil {
		return nil, fmt.Errorf("report of cluster %s for zone %s: %w", z.tag, z.zone, err)
	}
	return r, nil
}

func (z *Zone) readHeader() (*gslb.Report, error) {
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
	case z.offers > maxHosts:
		return nil, fmt.Errorf("%d hosts; at most %d are allowed", z.offers, maxHosts)
	}
	r.Serial = z.serial
	var records, challenges []numbered[gslb.Record]
	for _, s := range z.extra {
		records = append(records, s.part.records...)
		challenges = append(challenges, s.part.challenges...)
	}
	r.Records, r.Challenges = boundRecords(sortedByNumber(records), sortedByNumber(challenges))
	return r, nil
}

// boundRecords leaves out what is more than a report may hold: challenges, which
// are few and urgent, come first.
func boundRecords(records, challenges []gslb.Record) (r, c []gslb.Record) {
	challenges = challenges[:min(len(challenges), maxRecords)]
	records = records[:min(len(records), maxRecords-len(challenges))]
	return records, challenges
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
		Cluster: in.tag("tag"), ClusterID: in.text("id", gslb.MaxClusterID), Instance: in.raw("instance", maxInstance),
		Zone: in.name("zone"), Public: uint32(in.uint("public", 32)), Hears: in.tags("hears"), Lost: in.tags("lost"), Disputed: in.tags("disputed"),
		Mark: in.uint("mark", 64), Blind: in.time("blind"), Returned: in.tags("returned"), Asked: in.asked("asked"),
		RemovalsMeant: in.raw("removals", maxWord) == removalsMeant, // other words are of later versions
	}
	if in.raw("edge", maxText) != "" {
		r.EdgeZone = in.name("edge")
	}
	switch a := gslb.Announcement(in.raw("state", maxWord)); a {
	case gslb.Pausing, gslb.Leaving:
		r.Announcement = a
	case gslb.Active: // and words of later versions
	}
	if r.Cluster == "" {
		in.fail("tag", errors.New("missing"))
	}
	if err := gslb.CheckClusterID(r.ClusterID); err != nil {
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
