// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// alive reports that it answered for a zone within the lease.
func (c *cluster) alive(now time.Time) bool { return !c.lived.IsZero() && now.Sub(c.lived) < lease }

// beat asks whether it lives, by the SOA of a zone: where it answered last, and if that
// was not just now everywhere.
func (c *cluster) beat(ctx context.Context, now time.Time) {
	c.beating, c.beatDue = true, now.Add(beatEvery)
	zone := slices.MinFunc(slices.Collect(maps.Keys(c.serves)), gslb.Name.Compare)
	addrs := c.serves[zone]
	if now.Sub(c.lived) < beatEvery+beatEvery/2 && slices.Contains(addrs, c.at) {
		addrs = []string{c.at}
	}
	wires := make([]*wire, 0, len(addrs))
	for _, addr := range addrs[:min(len(addrs), maxAddrs)] {
		wires = append(wires, c.wire(addr))
	}
	c.wg.Go(func() {
		at := c.a.firstAlive(ctx, wires, zone)
		c.give(ctx, func(now time.Time) {
			c.beating = false
			switch {
			case at != "":
				c.lives(at, now)
			case now.Sub(c.lived) < decided:
				c.beatDue = now.Add(beatSooner)
			}
		})
	})
}

func (c *cluster) wire(addr string) *wire {
	w := c.wires[addr]
	if w == nil {
		w = newWire(c.a.cfg.Dial, addr)
		c.wires[addr] = w
	}
	return w
}

// firstAlive gives the address that answers for the zone first; "" if none does.
func (a *Asker) firstAlive(ctx context.Context, wires []*wire, zone gslb.Name) string {
	found := make(chan string, len(wires))
	for _, w := range wires {
		go func() {
			if a.livesAt(ctx, w, zone) {
				found <- w.addr
			} else {
				found <- ""
			}
		}()
	}
	for range wires {
		if at := <-found; at != "" {
			return at
		}
	}
	return ""
}

// livesAt asks one address over UDP, and over TCP when that brings no answer: a lost
// packet must not look like silence.
func (a *Asker) livesAt(ctx context.Context, w *wire, zone gslb.Name) bool {
	for _, tcp := range []bool{false, true} {
		q, err := soaQuestion(zone)
		if err != nil {
			return false
		}
		m, err := w.datagramOrStream(ctx, q, tcp, beatTimeout)
		if err == nil {
			good := saysSOA(m, zone)
			a.metrics.soa(good)
			if good {
				return true
			}
		} else {
			a.metrics.silent(askedSOA)
		}
	}
	return false
}

// lives notes that it answered for a zone. One that was silent for so long that it may
// have been given up is read before its offers count again.
func (c *cluster) lives(at string, now time.Time) {
	c.at = at
	silence := now.Sub(c.lived)
	first := c.lived.IsZero()
	c.lived = now
	c.mu.Lock()
	c.stat.Heard = now
	c.mu.Unlock()
	if first || silence >= lease {
		c.back = now
		c.askAnew()
	}
	if silence >= decided {
		c.returned = now
	}
	c.sight(now)
}

// sight tells that it was heard; while it has not been read since it was silent, only
// that.
func (c *cluster) sight(now time.Time) {
	s := gslb.Sighting{Kind: gslb.Heard, Of: c.tag, ID: c.id, At: now}
	if c.back.IsZero() {
		s.Instance = instance
	}
	c.a.cfg.Store.Sight(s)
}

// askAnew makes every target due.
func (c *cluster) askAnew() {
	c.unread = len(c.targets)
	for _, t := range c.targets {
		if t.place >= 0 {
			c.queue.remove(t)
			c.queue.put(t, time.Time{})
		}
	}
}
