// SPDX-License-Identifier: Apache-2.0

package gslb

import "time"

// assess gives every peer its standing, in two rounds: who was heard
// first, because those vouch for others.
func (m *merger) assess(now time.Time, next *earliest) {
	peers := m.sortedPeers()
	m.endConflicts(peers, now, next)
	isolated := m.isolation(peers, now, next)
	timing := m.believing()
	var thirds map[GeoTag]hearer // made when somebody was silent for long enough to need it
	for _, p := range peers {
		e := p.evidence
		if thirds == nil && now.Sub(later(e.Heard, e.Known)) >= m.timing.Decide {
			thirds = m.hearers(peers, now)
		}
		third := thirds[p.tag]
		e.Prior, e.Third, e.IsolatedSince = p.standing.Liveness, third.by, isolated
		if now.Sub(e.Heard) >= m.timing.Lease {
			e.LacksUs = time.Time{}
		}
		s := timing.Assess(e, now)
		if p.runsK8gb() {
			s.Alarm = false // it does not read heartbeats
		}
		next.add(s.Until)
		if s.Witness.Kind == ThirdCluster {
			next.add(third.until)
		}
		if s.Liveness != p.standing.Liveness || p.since.IsZero() {
			p.since = now
			m.touchPeer(p)
		}
		p.standing = s
		m.noteRead(p, now, next)
		m.expireChecks(p, now, next)
	}
}

// noteRead keeps whether the offers of a peer are those of before it was lost. Of one
// that a witness holds they count as they are; but a third cluster that hears it
// passes its report on, and gets some time to do so.
func (m *merger) noteRead(p *peer, now time.Time, next *earliest) {
	switch s := p.standing; {
	case s.Liveness == Lost:
		p.unread, p.offered = true, p.offered || len(p.offers) > 0
	case s.Liveness != Vouched || !p.unread:
	case s.Witness.Kind == ThirdCluster && now.Sub(p.since) < 2*m.timing.Decide:
		next.add(p.since.Add(2 * m.timing.Decide))
	default:
		m.read(p, now)
	}
}

// isolation decides whether we are the ones cut off: something outside is
// configured to measure by, every peer that we ever heard has been silent until
// the decision, and nothing outside answered of late. It gives since when our
// isolation vouches for peers: when it ends because the outside is seen again,
// peers get the time to be heard as well before they are judged.
func (m *merger) isolation(peers []*peer, now time.Time, next *earliest) time.Time {
	known, heard := false, false
	for _, p := range peers {
		if p.evidence.Heard.IsZero() || p.evidence.Announcement == Leaving {
			continue
		}
		known = true
		heard = heard || now.Sub(p.evidence.Heard) < m.timing.Decide
	}
	seen := !m.outsideAt.IsZero() && now.Sub(m.outsideAt) < m.timing.Outside
	if seen && m.outside {
		next.add(m.outsideAt.Add(m.timing.Outside))
	}
	switch {
	case m.outside && known && !heard && !seen:
		if m.isolatedSince.IsZero() {
			m.isolatedSince = now
		}
	case !m.isolatedSince.IsZero():
		m.healingFrom, m.healing = m.isolatedSince, now.Add(m.timing.Decide)
		m.isolatedSince = time.Time{}
	}
	if !m.isolatedSince.IsZero() {
		return m.isolatedSince
	}
	if m.healing.After(now) {
		next.add(m.healing)
		return m.healingFrom
	}
	return time.Time{}
}

// expireChecks ends what entry checks vouched for.
func (m *merger) expireChecks(p *peer, now time.Time, next *earliest) {
	for host, until := range p.checked {
		if until.After(now) {
			next.add(until)
			continue
		}
		delete(p.checked, host)
		m.touch(host)
	}
}
