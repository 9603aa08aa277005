// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"context"
	"slices"
	"time"
)

// askFor asks for a host.
func (c *cluster) askFor(ctx context.Context, t *target) {
	c.inflight++
	c.free = c.free.Add(time.Second / time.Duration(c.a.cfg.Rate))
	w, zone := c.wireOf(t), t.host.zone
	loopback := c.a.cfg.AllowLoopback
	c.wg.Go(func() {
		asking, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		s := said{}
		q, err := hostQuestion(t.name)
		if err == nil {
			m, tcp, err := w.ask(asking, q)
			if err == nil {
				s = readHost(m, zone, tcp, loopback)
				c.a.metrics.heard(s)
			} else {
				c.a.metrics.silent(askedHost)
			}
		}
		c.give(ctx, func(now time.Time) { c.answered(t, s, now) })
	})
}

// wireOf gives where a host is asked for: where the cluster answered last, if it serves
// the zone of the host there.
func (c *cluster) wireOf(t *target) *wire {
	addr := c.at
	if addrs := c.serves[t.host.zone]; len(addrs) > 0 && !slices.Contains(addrs, addr) {
		addr = addrs[0]
	}
	return c.wire(addr)
}

// answered takes what became of a question about a host, and decides when it is asked
// for again:
//
//	the answer                        | again after
//	says nothing                      | the least time, twice as long each time
//	is the first negative of a row    | between, and a little
//	any other, within hot of a change | the least time
//	is as before                      | a round, and not less than the least time
func (c *cluster) answered(t *target, s said, now time.Time) {
	c.inflight--
	if t.gone {
		return
	}
	if t.asked.Before(c.back) || c.back.IsZero() && t.asked.IsZero() {
		c.unread--
	}
	moved := t.asked.Before(c.returned) && t.doubt(s, now)
	t.asked = now
	moved = t.hear(s, c.alive(now), now) || moved
	if moved {
		if t.made != nil { // else it is new
			t.changed = now
		}
		c.offer(t)
	}
	if s.kind != unknown {
		t.fails = 0
	}
	wait := max(askLeast, c.pace())
	switch {
	case s.kind == unknown:
		wait = min(askLeast<<min(t.fails, 4), askMost)
		t.fails++
	case !t.nay.IsZero() && now.Sub(t.nay) < between:
		wait = t.nay.Add(between).Sub(now) + between/100
	case now.Sub(t.changed) < hot:
		wait = askLeast
	}
	c.queue.put(t, now.Add(wait))
}

// pace is how long a round takes that leaves a part of the budget to what changes.
func (c *cluster) pace() time.Duration {
	return time.Duration(len(c.targets)) * time.Second * 5 / 4 / time.Duration(c.a.cfg.Rate)
}
