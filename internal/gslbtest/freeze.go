// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"context"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// later runs f now, or when the process goes on. Not for one that has ended.
func (p *process) later(f func()) {
	p.s.mu.Lock()
	switch {
	case !p.running:
		p.s.mu.Unlock()
		return
	case p.frozen:
		p.thaw = append(p.thaw, f)
		p.s.mu.Unlock()
		return
	}
	p.s.mu.Unlock()
	f()
}

// gate waits while the process is frozen.
func (p *process) gate(ctx context.Context) error {
	for {
		p.s.mu.Lock()
		frozen, thawed := p.frozen, p.thawed
		p.s.mu.Unlock()
		if !frozen {
			return ctx.Err()
		}
		select {
		case <-thawed:
		case <-p.ctx.Done():
			return p.ctx.Err()
		}
	}
}

// goOn lets a frozen process go on: what came meanwhile comes now.
func (p *process) goOn() {
	p.s.mu.Lock()
	waiting := p.thaw
	p.frozen, p.thaw, p.wentOn = false, nil, time.Now()
	for tag, last := range p.sl.signs {
		if p.froze.Sub(last) < gslb.DefaultTiming().Lease {
			p.sl.signs[tag] = p.wentOn // it does not hold the time that it stood still against the others
		}
	}
	close(p.thawed)
	p.thawed = make(chan struct{})
	p.s.mu.Unlock()
	for _, f := range waiting {
		f()
	}
}
