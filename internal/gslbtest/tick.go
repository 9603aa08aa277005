// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// tick looks at what time alone can violate.
func (o *oracle) tick(now time.Time) {
	if o.broken != nil {
		return
	}
	o.waysNow(now)
	for _, c := range o.s.sorted() {
		for _, p := range c.running() {
			if p.frozen {
				continue
			}
			if !p.view.ready {
				o.mustBeReady(p, now)
				continue
			}
			o.check(p, now)
		}
	}
}

func (o *oracle) mustBeReady(p *process, now time.Time) {
	if now.Sub(p.started) > boundReady && held(p.view.direct[p.c.tag], boundReady, now) {
		o.fail(invReady, p, "not ready %v after its start", now.Sub(p.started))
	}
}

// serials: the serial of a zone never falls in one place, not by a restart either
// if somebody who is heard remembers it.
func (o *oracle) serials(p *process, w *gslb.World) {
	z := w.Zone(o.s.zone)
	if z == nil {
		return
	}
	serial := z.Serial
	if f := o.s.mutant.serial; f != nil {
		serial = f(p, serial)
	}
	if p.sl.serial != 0 && int32(serial-p.sl.serial) < 0 {
		highest, any := o.remembered(w)
		if p.view.remembers || any && int32(serial-highest) < 0 {
			o.fail(invSerial, p, "from %d to %d, and a peer states %d", p.sl.serial, serial, highest)
		}
	}
	p.sl.serial, p.view.remembers = serial, true
}

// remembered gives the highest serial that a peer states to a process; false: none
// does.
func (o *oracle) remembered(w *gslb.World) (highest uint32, any bool) {
	for i := range w.Clusters {
		c := &w.Clusters[i]
		if c.Liveness != gslb.Fresh {
			continue
		}
		for _, q := range o.s.clusters[c.Tag].running() {
			z, age := (*gslb.Zone)(nil), time.Duration(0)
			if qw := q.view.world; q.name == c.Instance && qw != nil {
				z, age = qw.Zone(o.s.zone), time.Since(qw.At)
			}
			if z != nil && age > time.Second && (!any || int32(z.Serial-highest) > 0) {
				highest, any = z.Serial, true
			}
		}
	}
	return highest, any
}

// circles: who vouches as a third cluster has heard the cluster itself, of late.
func (o *oracle) circles(p *process, w *gslb.World, now time.Time) {
	t := gslb.DefaultTiming()
	if now.Sub(p.wentOn) < t.Decide {
		return // lists that it had before it was frozen count for as long as if they were new
	}
	for i := range w.Clusters {
		c := &w.Clusters[i]
		if c.Liveness != gslb.Vouched || c.Witness.Kind != gslb.ThirdCluster {
			continue
		}
		by := o.s.clusters[c.Witness.By]
		var last time.Time
		for _, sl := range by.slots {
			last = latest(last, sl.signs[c.Tag])
			if sl.p != nil && now.Sub(sl.p.wentOn) < t.Decide {
				return // what the witness says was true when it was frozen
			}
		}
		if bound := t.Lease + t.Decide + 2*time.Second; now.Sub(last) > bound {
			o.fail(invCircle, p, "%s is vouched for by %s, which heard it %v ago", c.Tag, c.Witness.By, now.Sub(last))
		}
	}
}
