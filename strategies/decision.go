// SPDX-License-Identifier: Apache-2.0

package strategies

import (
	"net/netip"
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
)

// A Decision is what a host answers until the World changes: every answer that
// is possible, how often each is given, and why. It is immutable.
type Decision struct {
	Answers []Answer // at least one; one without addresses means NODATA
	Reason  gslb.Reason
	Pending bool          // the strategy asked for is not built; round robin answers in its place
	Entries []EntryReason // every entry of every cluster, in or out and why; by cluster
	TTL     uint32        // seconds
	Max     uint16        // addresses given at once; 0: all
}

// Answer is one possible answer: a set of addresses, which the server rotates, or a
// name that stands for them.
type Answer struct {
	Target   string        // answered as CNAME instead of Addrs, which are those it has; "": the addresses are answered
	Clusters []gslb.GeoTag // whose addresses these are, sorted; nil for a fallback
	Addrs    []netip.Addr  // sorted, distinct, both families
	Weight   uint32        // share of the draws; all zero means equal shares
}

// EntryReason says of one entry whether the decision can answer it.
type EntryReason struct {
	Cluster gslb.GeoTag
	Addr    netip.Addr
	In      bool
	Reason  gslb.Reason
}

// Share is an answer as one address family draws it.
type Share struct {
	Answer int          // index into Decision.Answers
	Addrs  []netip.Addr // of the family, at least one; of both where there is a Target
	Target string       // answered as CNAME instead of Addrs; "": the addresses are
	Weight uint32       // at least 1
}

// Shares gives the answers that have addresses of a family (v4 or v6), with
// the weights to draw them by: answers of other families are skipped, and
// weight 0 is drawn only when nothing else is left. Nil means NODATA.
func (d *Decision) Shares(v4 bool) []Share {
	var out []Share
	var sum uint32
	for i, a := range d.Answers {
		if a.Target != "" { // a CNAME is the answer to questions of every type
			out = append(out, Share{Answer: i, Addrs: a.Addrs, Target: a.Target, Weight: a.Weight})
			sum += a.Weight
			continue
		}
		var addrs []netip.Addr
		for _, ip := range a.Addrs {
			if ip.Is4() == v4 {
				addrs = append(addrs, ip)
			}
		}
		if len(addrs) == 0 {
			continue
		}
		out = append(out, Share{Answer: i, Addrs: addrs, Weight: a.Weight})
		sum += a.Weight
	}
	if sum == 0 {
		for i := range out {
			out[i].Weight = 1
		}
		return out
	}
	return slices.DeleteFunc(out, func(s Share) bool { return s.Weight == 0 })
}

// Addrs gives every address that the decision can answer, sorted and distinct.
func (d *Decision) Addrs() []netip.Addr {
	var out []netip.Addr
	for _, a := range d.Answers {
		out = append(out, a.Addrs...)
	}
	return sortAddrs(out)
}

func sortAddrs(in []netip.Addr) []netip.Addr {
	slices.SortFunc(in, netip.Addr.Compare)
	return slices.Compact(in)
}
