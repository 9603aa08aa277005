// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Waiting counts the hosts with entries that are healthy again and wait before they
// count. The zero value means: none.
type Waiting struct {
	Returning int // for the delay that the policy asks for
	Flapping  int // because they fell often
}

// returns is what the merger keeps of waits: when they end, so that the hosts are merged
// anew then, and since when all others find that this cluster returned.
type returns struct {
	hosts   map[Name]waitingHost
	longest time.Duration // the longest delay that a host asked for
	own     time.Time     // since when every cluster that we hear says that we returned
	saved   map[waitKey]time.Time
}

type waitingHost struct {
	until  time.Time
	reason Reason
}

type waitKey struct {
	host    Name
	cluster GeoTag
	addr    netip.Addr
}

func newReturns() returns { return returns{hosts: make(map[Name]waitingHost)} }

// note takes a host that was merged; nil: nobody offers it.
func (r *returns) note(n Name, h *Host, now time.Time) {
	delete(r.hosts, n)
	if h == nil {
		return
	}
	r.longest = max(r.longest, h.Policy.ReturnDelay)
	var first waitingHost
	for i := range h.Parts {
		for _, c := range h.Parts[i].Entries {
			if c.Until.After(now) && (first.until.IsZero() || c.Until.Before(first.until)) {
				first = waitingHost{c.Until, c.Reason}
			}
		}
	}
	if !first.until.IsZero() {
		r.hosts[n] = first
	}
}

func (r *returns) next(peers map[GeoTag]*peer, now time.Time, next *earliest) {
	for _, w := range r.hosts {
		next.add(w.until)
	}
	for _, p := range peers {
		if p.returns(r.longest, now) {
			next.add(p.returned.Add(r.longest))
		}
	}
}

func (r *returns) count() Waiting {
	var w Waiting
	for _, h := range r.hosts {
		if h.reason == ReasonFlapping {
			w.Flapping++
		} else {
			w.Returning++
		}
	}
	return w
}

// longestWait bounds what is taken over from before a restart, in case the clock stepped.
const longestWait = time.Hour

// Wait is an entry that waits before it counts, as it is kept over a restart.
type Wait struct {
	Host    Name
	Cluster GeoTag
	Addr    netip.Addr
	Reason  Reason
	Until   time.Time // by the wall clock of the machine that keeps it
}

// save gives the waits of a World, by host, cluster and address.
func (r *returns) save(w *World) []Wait {
	var out []Wait
	for n := range r.hosts {
		h := w.Host(n)
		if h == nil {
			continue
		}
		for i := range h.Parts {
			for _, c := range h.Parts[i].Entries {
				if !c.Until.IsZero() {
					out = append(out, Wait{n, h.Parts[i].Cluster, c.Addr, c.Reason, c.Until.Round(0)})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b Wait) int {
		return cmp.Or(a.Host.Compare(b.Host), compareTags(a.Cluster, b.Cluster), a.Addr.Compare(b.Addr))
	})
	return out
}

// restoreWaits goes on with the waits of before a restart.
func (m *merger) restoreWaits(waits []Wait, now time.Time) {
	m.returns.saved = make(map[waitKey]time.Time)
	for _, w := range waits {
		until := w.Until
		if most := now.Add(longestWait); until.After(most) {
			until = most
		}
		if w.Cluster == m.self {
			m.damper.entries[verdictKey{w.Host, w.Addr}] = &damped{up: true, until: until, reason: w.Reason}
			continue
		}
		m.returns.saved[waitKey{w.Host, w.Cluster, w.Addr}] = until
	}
}

// wake marks the hosts whose wait is over, and notes whether the others find that this
// cluster was away.
func (m *merger) wake(now time.Time) {
	for n, w := range m.returns.hosts {
		if !w.until.After(now) {
			m.touch(n)
		}
	}
	back := m.foundReturned()
	switch own := &m.returns.own; {
	case back && own.IsZero():
		*own = now
	case !back && !own.IsZero():
		*own = time.Time{}
	default:
		return
	}
	for n := range m.claims {
		m.touch(n)
	}
}

// foundReturned reports that every cluster that we hear says that we were lost and are back.
func (m *merger) foundReturned() bool {
	found := false
	for _, p := range m.peers {
		if p.standing.Liveness != Fresh || p.unread {
			continue
		}
		if _, r := p.believed(); r == nil || !slices.Contains(r.Returned, m.self) {
			return false
		}
		found = true
	}
	return found
}

// noteReturn notes that the cluster counts again after it was lost.
func (p *peer) noteReturn(now time.Time) {
	if p.offered {
		p.offered, p.returned = false, now
	}
}

// returns reports that the cluster returned less than a time ago.
func (p *peer) returns(within time.Duration, now time.Time) bool {
	return !p.returned.IsZero() && now.Sub(p.returned) < within
}
