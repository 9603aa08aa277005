// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// claims knows since when each Gslb names each of its hosts: of several that name one host
// the earliest has it, so that nobody takes up the host of another by an edit. What it finds
// is recorded in the status (servers[].claimedAt), by which all replicas agree and which
// outlives the process. Safe for concurrent use.
//
//	status tells of the host | the Gslb here               | the World of the start, or the | claims since
//	with a time              |                             | guard of hosts: it has the host|
//	yes, of a claim of now   | any                         | any                            | that time
//	no, or of one that ended | named the host before       | any                            | as before
//	no, or of one that ended | did not                     | yes                            | as there
//	no, or of one that ended | is known, or its status     | no                             | now
//	                         | tells of other hosts alone  |                                |
//	no                       | is not known, and its status| no                             | its creation
//	                         | tells nothing, or no time   |                                |
//
// Never earlier than its creation, which a status that somebody wrote could pretend. And a
// claim that no record tells of comes after those that are known of others: times of
// creation have whole seconds, and clocks differ.
type claims struct {
	now   func() time.Time
	leads func() bool // the statuses are ours to write

	mu sync.Mutex
	of map[types.NamespacedName]*claimed
}

// claimed is what is known of one Gslb.
type claimed struct {
	generation int64
	hosts      map[gslb.Name]time.Time // since when it names them
	ended      map[gslb.Name]ending    // claims that ended, and that its status may still tell of
}

// standing is what is known of a host beside the Gslb that names it.
type standing struct {
	own    time.Time // since when the Gslb has the host, by a World; zero: it does not say
	others time.Time // the latest claim of others; zero: there is none
}

func newClaims(now func() time.Time) *claims {
	return &claims{now: now, leads: func() bool { return false }, of: make(map[types.NamespacedName]*claimed)}
}

// forget drops what is known of a Gslb that is gone.
func (m *claims) forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, key)
}

// apply states in a translation since when its hosts are claimed. beside is asked about
// hosts that are named for the first time. The answer says after what time to look again; 0:
// for nothing.
func (m *claims) apply(g *gslbv1beta1.Gslb, key types.NamespacedName, out *translate.Output, beside func(gslb.Name) standing) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	told, old := m.read(&g.Status), m.of[key]
	next := &claimed{generation: g.Generation, hosts: make(map[gslb.Name]time.Time, len(out.Hosts)), ended: make(map[gslb.Name]ending)}
	for i := range out.Hosts {
		host := out.Hosts[i].Host
		if host.IsZero() {
			continue
		}
		at, named := next.hosts[host]
		if !named {
			at = m.since(g, old, host, &told, beside)
			next.hosts[host] = at
		}
		if i < len(out.Servers) && !at.IsZero() {
			out.Servers[i].ClaimedAt = &metav1.MicroTime{Time: at}
		}
	}
	if old != nil {
		next.ends(old, &told)
	}
	m.of[key] = next
	for i, o := range out.Offers {
		if at := next.hosts[o.Host]; !at.Equal(o.Created) {
			since := *o
			since.Created = at
			out.Offers[i] = &since
		}
	}
	return next.again(&told)
}

// since decides since when a host is claimed; see the table of [claims].
func (m *claims) since(g *gslbv1beta1.Gslb, old *claimed, host gslb.Name, r *records, beside func(gslb.Name) standing) time.Time {
	created := g.CreationTimestamp.Time
	if record := old.record(host, r); !record.IsZero() {
		return latest(record, created)
	}
	if at, named := old.at(host); named {
		return latest(at, created)
	}
	known := beside(host)
	if !known.own.IsZero() {
		return latest(bounded(known.own), created)
	}
	at := created
	if _, told := r.of[host]; old != nil || !told && reconciled(&g.Status) {
		at = latest(bounded(r.now), created)
	}
	if old != nil {
		known.others = latest(known.others, old.ended[host].at)
	}
	if !known.others.IsZero() && !known.others.Before(at) {
		at = bounded(known.others.Add(time.Microsecond))
	}
	return at
}

func (c *claimed) at(host gslb.Name) (since time.Time, named bool) {
	if c == nil {
		return since, false
	}
	since, named = c.hosts[host]
	return since, named
}

// claim states in a translation since when its hosts are claimed.
func (c *collector) claim(key types.NamespacedName, g *gslbv1beta1.Gslb, out *translate.Output) {
	if after := c.claims.apply(g, key, out, func(host gslb.Name) standing { return c.standing(key, out.Source, host) }); after > 0 {
		c.queue.AddAfter(item{key}, after)
	}
}

// standing says what is known of a host beside the Gslb that names it. While objects are
// read for the first time that is what the World said before: a saved one, or that of other
// clusters and instances. Else others are those that were translated, and other clusters.
func (c *collector) standing(key types.NamespacedName, source gslb.Source, host gslb.Name) (s standing) {
	w, reading := c.began, true
	select {
	case <-c.synced:
		w, reading = c.cfg.Store.World(), false
		s.others = c.last.latestClaim(key, host)
	default:
	}
	if w == nil {
		return s
	}
	h := w.Host(host)
	if h == nil {
		return s
	}
	for i := range h.Parts {
		p := &h.Parts[i]
		own := p.Cluster == c.cfg.Self
		switch {
		case p.Offer.PolicyUnknown || p.Foreign:
		case own && p.Offer.Source == source:
			if reading || p.Held {
				s.own = p.Offer.Created
			}
		case own && !reading, !own && p.Offer.Source.Namespace == source.Namespace: // those of last are exact; it is no rival
		default:
			s.others = latest(s.others, p.Offer.Created)
		}
	}
	return s
}
