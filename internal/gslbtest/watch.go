// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// blindAfter is how long a process takes to see that its API is away.
const blindAfter = 2 * time.Second

// notice has the process read the API a moment later, as a watch does. The lock
// is held.
func (p *process) notice(after time.Duration) {
	time.AfterFunc(after, func() { p.later(p.read) })
}

// read takes over what the API says, as controllers do: objects first, then how
// far that goes.
func (p *process) read() {
	p.s.mu.Lock()
	if !p.running || p.stalled {
		p.s.mu.Unlock()
		return
	}
	if p.c.away {
		p.s.mu.Unlock()
		if p.s.mutant.blind != nil {
			p.s.mutant.blind(p)
		}
		p.store.UpdateLocal(func(l *gslb.LocalState) {
			if l.Blind.IsZero() {
				l.Blind = time.Now()
			}
		})
		return
	}
	offers, version := p.c.offers(), p.c.version
	var gone []gslb.Name
	was := p.known
	p.known = map[gslb.Name]bool{}
	for _, o := range offers {
		p.known[o.Host] = true
	}
	for host := range was {
		if !p.known[host] {
			gone = append(gone, host)
		}
	}
	slices.SortFunc(gone, gslb.Name.Compare)
	var verdicts []gslb.Verdict
	for host, all := range p.c.verdicts {
		for addr, health := range all {
			verdicts = append(verdicts, gslb.Verdict{Host: host, Addr: addr, Health: health})
		}
	}
	p.sees, p.synced = version, true
	var replicas []string
	if len(p.c.slots) > 1 && !p.s.alone {
		for _, sl := range p.c.slots {
			replicas = append(replicas, sl.addr())
		}
	}
	p.s.mu.Unlock()
	p.exchange.ReplicasAt(replicas)
	for _, host := range gone {
		p.store.SetObject(sourceOf(host), nil)
	}
	for _, o := range offers {
		p.store.SetObject(o.Source, []*gslb.Offer{o})
	}
	for _, v := range verdicts {
		p.store.SetVerdict(v)
	}
	p.store.UpdateLocal(func(l *gslb.LocalState) { l.Mark, l.Synced, l.Blind = version, true, time.Time{} })
}

func sourceOf(host gslb.Name) gslb.Source {
	return gslb.Source{Kind: "Gslb", Namespace: "default", Name: host.String()}
}
