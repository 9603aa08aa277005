// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"net/netip"

	"github.com/meridian-gslb/meridian/gslb"
)

// Result is what a Table answers to a question, for people and tests: decoded
// from the same bytes that the server sends.
type Result struct {
	Kind     Kind
	Zone     gslb.Name  // zero for NotReady and Refused
	Owner    gslb.Name  // whose data it is: the name itself or a wildcard; zero if the name does not exist
	Wildcard bool       // synthesized from Owner
	Host     *gslb.Host // nil if no host is there
	TTL      uint32     // seconds, of the records of Shares; of negative answers: how long they are kept
	Shares   []Share    // of A and AAAA; nil if there are none
}

// Share is one of the possible answers, drawn with probability Weight/Σweights.
type Share struct {
	Weight uint32
	Addrs  []netip.Addr // an answer begins at a random one and goes round
	Window int          // how many of them are in one answer
}

// Lookup says what is answered to a question of class IN.
func (t *Table) Lookup(name gslb.Name, qtype uint16) Result {
	f := t.Find([]byte(wireName(name)), qtype)
	r := Result{Kind: f.Kind}
	if f.zone != nil {
		r.Zone, r.TTL = f.zone.name, f.zone.negTTL
	}
	if f.node != nil {
		r.Owner, r.Host, r.Wildcard = textName(f.node.key), f.node.host, f.source > 0
	}
	if f.run != nil {
		r.TTL = f.run.ttl()
	}
	if f.set == nil {
		return r
	}
	r.TTL = f.set.ttl()
	var before uint32
	for i := range f.set.shares {
		sh := &f.set.shares[i]
		r.Shares = append(r.Shares, Share{Weight: sh.until - before, Addrs: f.set.addrs(sh), Window: int(sh.window)})
		before = sh.until
	}
	return r
}
