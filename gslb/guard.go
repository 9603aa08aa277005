// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"maps"
	"slices"
	"time"
)

// What vanishes in a mass is held: a relist gone wrong, a restored etcd, a peer's
// bug, everything deleted by mistake. Hosts that vanish within guardWindow vanish
// together; more than guardLeast of them, and more than half of those that the
// cluster offered, are a mass.
const (
	guardWindow = 10 * time.Second
	guardLeast  = 10
)

// DefaultRemovalHold is how long hosts that vanished in a mass are held.
const DefaultRemovalHold = 10 * time.Minute

// Held says that hosts of a cluster vanished in a mass and are kept for a while, with
// the entries and the health that they had.
type Held struct {
	Cluster GeoTag
	Hosts   int
	Since   time.Time
	Until   time.Time
}

// guard is the deletion guard. A host vanishes when a cluster that offered entries for it
// offers none any more, or none with a Service and EndpointSlices that exist, though the cluster did not
// leave and its zone is still ours.
//
//	vanished within the window           | what the cluster offered
//	at most guardLeast, or half of all   | goes
//	more                                 | is held, also what vanished earlier in the window
//	any, within the window of a mass     | is held with it
//	offered again                        | is what it offers now
//	held for the whole time              | goes
//	removals are meant, by the zone here | goes
//	or by the cluster's own report       |
//	of ours, held as an object before,   | goes
//	or confirmed                         |
type guard struct {
	hold  time.Duration // 0: nothing is held
	sides map[GeoTag]*guardSide
}

// guardSide is what vanished of one cluster.
type guardSide struct {
	vanished map[Name]vanished // within the window, and not held
	held     map[Name]*Offer
	since    time.Time // of the first that is held
	until    time.Time // of all that are held
	last     time.Time // when something was held last
	ended    time.Time // when a hold ended last, and what was held went
	trusted  bool      // another cluster took over the tag: what vanishes now is believed
}

type vanished struct {
	at    time.Time
	offer *Offer
}

func newGuard(hold time.Duration) *guard {
	return &guard{hold: hold, sides: make(map[GeoTag]*guardSide)}
}

func (g *guard) side(tag GeoTag) *guardSide {
	s := g.sides[tag]
	if s == nil {
		s = &guardSide{vanished: make(map[Name]vanished), held: make(map[Name]*Offer)}
		g.sides[tag] = s
	}
	return s
}

// trust believes whatever vanishes of a cluster at the next merge, and holds nothing of it.
func (g *guard) trust(tag GeoTag) {
	s := g.side(tag)
	clear(s.vanished)
	clear(s.held)
	s.trusted = true
}

// offers gives an offer with an entry whose Services and EndpointSlices exist, unless it is
// set by hand; nil if there is none. What is there and not ready is a failure, and no accident.
func offers(o *Offer) *Offer {
	if o == nil || len(o.Entries) == 0 {
		return nil
	}
	there := func(e Entry) bool { return e.Reason != ReasonServiceNotFound && e.Reason != ReasonNoSlices }
	if o.Override == NoOverride && !slices.ContainsFunc(o.Entries, there) {
		return nil
	}
	return o
}

// offersOf gives what each cluster that is believed offers for the host now.
func (in *hostInput) offersOf(tag GeoTag) *Offer {
	if tag == in.self {
		if len(in.claims) == 0 {
			return nil
		}
		return offers(in.claims[0])
	}
	for i := range in.peers {
		if in.peers[i].cluster == tag {
			return offers(in.peers[i].offer)
		}
	}
	return nil
}

// watch notes what vanished of a host since the last World. left reports that a cluster
// said goodbye; meant, that it or the zone says that removals are meant.
func (g *guard) watch(in *hostInput, meant func(in *hostInput, tag GeoTag) bool, left func(GeoTag) bool) {
	old := in.previous
	if g.hold == 0 {
		return
	}
	for tag, s := range g.sides {
		if s.held[in.name] != nil && (in.offersOf(tag) != nil || left(tag) || meant(in, tag)) {
			delete(s.held, in.name)
		}
	}
	if old == nil {
		return
	}
	for i := range old.Parts {
		p := &old.Parts[i]
		if len(p.Entries) == 0 || offers(p.Offer) == nil || p.Offer.PolicyUnknown { // it is there while somebody else offers the host
			continue
		}
		s := g.side(p.Cluster)
		_, held := s.held[in.name]
		switch {
		case in.offersOf(p.Cluster) != nil, old.Zone != in.zone, left(p.Cluster), meant(in, p.Cluster):
			delete(s.vanished, in.name)
			delete(s.held, in.name)
		case held, s.trusted:
		default:
			offer := *p.Offer
			offer.Check = nil // its health stays as it was
			s.vanished[in.name] = vanished{in.now, &offer}
		}
	}
}

// judge decides what is held, and gives the names that have to be merged anew because
// they vanished earlier or are not held any more. all counts the hosts that a cluster
// offers now; offered gives one of them, nil if it is not offered.
func (g *guard) judge(now time.Time, all func(GeoTag) int, offered func(GeoTag, Name) *Offer, next *earliest) []Name {
	var again []Name
	for tag, s := range g.sides {
		s.trusted = false
		if len(s.held) > 0 && !s.until.After(now) {
			again = slices.AppendSeq(again, maps.Keys(s.held))
			clear(s.held)
			s.ended = now
		}
		gone := 0 // of those that vanished, what is not offered at all
		for n, v := range s.vanished {
			switch o := offered(tag, n); {
			case now.Sub(v.at) >= guardWindow, offers(o) != nil:
				delete(s.vanished, n)
			case o == nil:
				gone++
			}
		}
		n := len(s.vanished)
		joins := n > 0 && len(s.held) > 0 && now.Sub(s.last) < guardWindow
		if joins || n > guardLeast && 2*n > all(tag)+gone {
			if len(s.held) == 0 {
				s.since = now
			}
			s.until, s.last = now.Add(g.hold), now
			for n, v := range s.vanished {
				s.held[n] = v.offer
				again = append(again, n)
			}
			clear(s.vanished)
		}
		if len(s.held) > 0 {
			next.add(s.until)
		}
	}
	return again
}

// ended reports that a hold of a cluster's hosts ends now.
func (g *guard) ended(tag GeoTag, now time.Time) bool {
	s := g.sides[tag]
	return s != nil && s.ended.Equal(now) && !now.IsZero()
}

// fill puts what is held in the place of what vanished.
func (g *guard) fill(in *hostInput, peers []*peer) {
	for tag, s := range g.sides {
		o := s.held[in.name]
		if o == nil {
			continue
		}
		in.held = append(in.held, tag)
		if tag == in.self {
			in.claims = []*Offer{o}
			continue
		}
		in.peers = slices.DeleteFunc(in.peers, func(p peerOffer) bool { return p.cluster == tag })
		for _, p := range peers {
			if p.tag == tag {
				in.peers = append(in.peers, peerOffer{cluster: tag, liveness: p.offersAs(), checked: p.checked[in.name].After(in.now), offer: o})
			}
		}
	}
}

// names gives the hosts of a cluster that are held.
func (g *guard) names(tag GeoTag) []Name {
	if s := g.sides[tag]; s != nil {
		return slices.Collect(maps.Keys(s.held))
	}
	return nil
}

// list gives what is held, by cluster.
func (g *guard) list() []Held {
	var out []Held
	for tag, s := range g.sides {
		if len(s.held) > 0 {
			out = append(out, Held{Cluster: tag, Hosts: len(s.held), Since: s.since, Until: s.until})
		}
	}
	slices.SortFunc(out, func(a, b Held) int { return compareTags(a.Cluster, b.Cluster) })
	return out
}
