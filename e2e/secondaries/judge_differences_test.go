// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package secondaries_test

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// judgeCase is a question on which not everybody agrees.
type judgeCase struct {
	q      judgeQuery
	ours   reply
	others []reply
	jury   *jury
}

// difference is a class of differences that is tolerated. Where alone is not
// set, one of the others has to say what we say.
type difference struct {
	name, reason string
	alone        bool
	is           func(c *judgeCase) bool
}

// differences is the closed list of what is tolerated.
var differences = []difference{
	{"ANY", "RFC 8482 §4.1: one whole RRset, as Knot and NSD choose one; BIND gives all", true, (*judgeCase).oneOfAny},
	{"CNAME loop", "a loop is followed to its end, and that is NOERROR, as with Knot and NSD; BIND says SERVFAIL", false, (*judgeCase).loop},
	{"CNAME into another zone", "both zones are here, so the chain is followed, as by NSD; BIND and Knot end it at the border", false, (*judgeCase).leavesZone},
	{"DS behind a CNAME", "at the zone to which it leads, NSD names the SOA of the zone above, BIND and Knot that of the zone itself", false, (*judgeCase).otherSOA},
	{"RRSIG at a CNAME", "in a zone that is not signed it does not matter: NSD follows the CNAME, BIND and Knot do not", true, (*judgeCase).signatureAtCNAME},
	{"TC", "NSD sets it also if addresses of servers outside the delegation do not fit (RFC 9471 §3.2 asks for those inside), and BIND does not always " +
		"compress all names; ours is whole and no longer than it may be", false, (*judgeCase).onlyOthersTruncate},
	{"glue from a wildcard", "Knot and NSD make an address of a server from a wildcard below the delegation, BIND does not: what is below is not ours (RFC 4592 §4.2)", false, (*judgeCase).wildcardGlue},
	{"maxAnswers", "a transferred zone holds all addresses of a host, an answer of ours as many as it may", true, (*judgeCase).drawn},
}

// drawn: at the end of the chain is such a host, and our answer holds only what
// the zone has there.
func (c *judgeCase) drawn() bool {
	if whole := c.others[0]; len(c.ours.answer) == 0 || c.ours.rcode != whole.rcode || !c.ours.aa || c.ours.tc || len(c.ours.authority) > 0 {
		return false
	}
	name, seen := strings.ToLower(c.q.name), make(map[string]bool)
	for !seen[name] {
		seen[name] = true
		rrs := at(c.jury.zone(name), name)
		if len(rrs) > 0 && rrs[0].Header().Rrtype == dns.TypeCNAME {
			name = strings.ToLower(rrs[0].(*dns.CNAME).Target)
			continue
		}
		if len(rrs) == 0 || !c.jury.drawn[strings.ToLower(rrs[0].Header().Name)] {
			return false
		}
		return !slices.ContainsFunc(c.ours.answer, func(rr string) bool { return strings.HasPrefix(rr, name+"\t") && !holdsText(rrs, name, rr) })
	}
	return false
}

func holdsText(rrs []dns.RR, owner, text string) bool {
	return slices.ContainsFunc(rrs, func(rr dns.RR) bool { return record(withOwner(rr, owner)) == text })
}

// oneOfAny: our answer to ANY is one whole RRset of the name.
func (c *judgeCase) oneOfAny() bool {
	if c.q.typ != dns.TypeANY || c.ours.rcode != "NOERROR" || !c.ours.aa || len(c.ours.authority) > 0 {
		return false
	}
	if c.ours.tc {
		return len(c.ours.answer) == 0 && !c.q.tcp
	}
	sets := make(map[uint16][]string)
	for _, rr := range at(c.jury.zone(c.q.name), c.q.name) {
		sets[rr.Header().Rrtype] = append(sets[rr.Header().Rrtype], record(withOwner(rr, strings.ToLower(c.q.name))))
	}
	for _, set := range sets {
		slices.Sort(set)
		if slices.Equal(set, c.ours.answer) {
			return true
		}
	}
	return false
}

// loop: the CNAME records of the zone lead from the name to one of themselves.
func (c *judgeCase) loop() bool {
	zone, seen := c.jury.zone(c.q.name), make(map[string]bool)
	for name := strings.ToLower(c.q.name); !seen[name]; {
		seen[name] = true
		rrs := at(zone, name)
		if len(rrs) == 0 || rrs[0].Header().Rrtype != dns.TypeCNAME {
			return false
		}
		name = strings.ToLower(rrs[0].(*dns.CNAME).Target)
	}
	return c.ours.rcode == "NOERROR"
}

// leavesZone: the CNAME records of the zone lead to a name of another zone.
func (c *judgeCase) leavesZone() bool {
	home, seen := c.jury.home(c.q.name), make(map[string]bool)
	for name := strings.ToLower(c.q.name); !seen[name]; {
		seen[name] = true
		if h := c.jury.home(name); h != home {
			return h != ""
		}
		rrs := at(c.jury.zone(name), name)
		if len(rrs) == 0 || rrs[0].Header().Rrtype != dns.TypeCNAME {
			return false
		}
		name = strings.ToLower(rrs[0].(*dns.CNAME).Target)
	}
	return false
}

// otherSOA: all say the same but for the authority section, one of them as we do.
func (c *judgeCase) otherSOA() bool {
	return c.q.typ == dns.TypeDS && len(c.ours.answer) > 0 && !slices.ContainsFunc(c.others, func(o reply) bool {
		o.authority = c.ours.authority
		return !o.equal(c.ours)
	})
}

// signatureAtCNAME: somebody says the same, maybe with TC.
func (c *judgeCase) signatureAtCNAME() bool {
	rrs := at(c.jury.zone(c.q.name), c.q.name)
	return c.q.typ == dns.TypeRRSIG && len(rrs) > 0 && rrs[0].Header().Rrtype == dns.TypeCNAME &&
		slices.ContainsFunc(c.others, func(o reply) bool { o.tc = c.ours.tc; return o.equal(c.ours) })
}

// wildcardGlue: without addresses of names that the zone does not hold all say
// the same.
func (c *judgeCase) wildcardGlue() bool {
	zone := c.jury.zone(c.q.name)
	return !slices.ContainsFunc(c.others, func(o reply) bool {
		o.glue = slices.DeleteFunc(slices.Clone(o.glue), func(rr string) bool { return zone[strings.Fields(rr)[0]] == nil })
		return !o.equal(c.ours)
	})
}

// onlyOthersTruncate: whose answer is whole says what we say.
func (c *judgeCase) onlyOthersTruncate() bool {
	return !c.ours.tc && !slices.ContainsFunc(c.others, func(o reply) bool {
		return !o.equal(c.ours) && (!o.tc || o.rcode != c.ours.rcode || o.aa != c.ours.aa)
	})
}

// at gives the records of a name, or of the wildcard that covers it (RFC 4592).
func at(zone map[string][]dns.RR, name string) []dns.RR {
	for n, first := strings.ToLower(name), true; n != ""; first = false {
		owner := n
		if !first {
			owner = "*." + n
		}
		if rrs := zone[owner]; rrs != nil {
			return rrs
		}
		if exists(zone, n) {
			return nil
		}
		_, n, _ = strings.Cut(n, ".")
	}
	return nil
}

func exists(zone map[string][]dns.RR, name string) bool {
	for owner := range zone {
		if dns.IsSubDomain(name, owner) {
			return true
		}
	}
	return false
}
