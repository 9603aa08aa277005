// SPDX-License-Identifier: Apache-2.0

package gslb

import "time"

// hearer is a cluster that hears another first-hand, and until when its word counts.
type hearer struct {
	by    GeoTag
	until time.Time
}

// hearers gives for each cluster the first one, by tag, that hears it first-hand:
// one that is fresh, or silent for so short that nothing is decided about it yet (a
// stall of the witness must not drop the one it vouches for). What it says of whom
// it hears must be as young: one that only calls us, or just came back, has an old
// list. So has an instance that is silent for the alarm time while another one of its
// cluster is heard. Vouched clusters are never asked, so that no circle can keep a dead
// one alive. Other instances of ours hear for us too.
func (m *merger) hearers(peers []*peer, now time.Time) map[GeoTag]hearer {
	out := make(map[GeoTag]hearer)
	for _, c := range peers {
		if c.evidence.Heard.IsZero() || now.Sub(c.evidence.Heard) >= m.timing.Decide {
			continue
		}
		for t, until := range c.lists(m.timing.Decide, now, m.timing) {
			if _, known := out[t]; !known && t != c.tag {
				out[t] = hearer{c.tag, until}
			}
		}
	}
	for t, until := range m.replicas.lists(m.timing.Alarm, now, m.timing) { // we are an instance that is heard
		if _, known := out[t]; !known {
			out[t] = hearer{m.self, until}
		}
	}
	return out
}

// lists gives whom the peer hears first-hand, by any of its instances, and until when
// that counts, which is for as long as said after the instance was heard.
func (p *peer) lists(counts time.Duration, now time.Time, t Timing) map[GeoTag]time.Time {
	var newest time.Time
	for _, in := range p.instances {
		newest = later(newest, in.heard)
	}
	out := make(map[GeoTag]time.Time)
	for _, in := range p.instances {
		until := in.heard.Add(counts)
		if !until.After(now) || newest.Sub(in.heard) >= t.Alarm {
			continue
		}
		for _, r := range in.reports {
			for _, tag := range r.Hears {
				out[tag] = later(out[tag], until)
			}
		}
	}
	return out
}
