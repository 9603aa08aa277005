// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"context"
	"net/netip"
	"time"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// boundary is a process's store as its exchange, keeper and entry checker see it.
// A planted bug changes what passes here; without one everything passes as it is.
type boundary struct {
	*gslb.Store
	p *process
}

// SetReport hands a report on.
func (b *boundary) SetReport(r *gslb.Report) error {
	if f := b.p.s.mutant.report; f != nil {
		c := *r
		if r = f(b.p, &c); r == nil {
			return nil
		}
	}
	return b.Store.SetReport(r)
}

// SetChange hands a change on; where reports are tampered with, only whole ones pass.
func (b *boundary) SetChange(r *gslb.Report, since uint32, changed map[gslb.Name]*gslb.Offer) error {
	if b.p.s.mutant.report != nil {
		return gslb.ErrNoBase
	}
	return b.Store.SetChange(r, since, changed)
}

// Sight hands a sighting on.
func (b *boundary) Sight(v gslb.Sighting) {
	if v.Kind == gslb.EntryAnswered {
		b.p.s.mu.Lock()
		b.p.checks[v.Of] = v.At.Add(v.ValidFor)
		b.p.s.mu.Unlock()
	}
	if f := b.p.s.mutant.sighting; f != nil {
		var ok bool
		if v, ok = f(b.p, v); !ok {
			return
		}
	}
	b.Store.Sight(v)
}

// edgeConfig is what the keeper of the delegation gets.
func (p *process) edgeConfig(hub *boundary) edge.Config {
	s := p.s
	cfg := edge.Config{
		Worlds: p.store.Mailbox().C(), Store: hub, Instance: p.name, Addrs: []netip.Addr{p.c.addr},
		Heard: p.heardOf, Sent: p.sent, Ask: p.ask, Rand: p.uniform(), Log: p.logger(),
	}
	if s.anchor {
		cfg.Anchors = []string{anchorAddr}
	}
	switch s.edge {
	case edgeUpdates:
		cfg.Publisher = &publisher{p}
	case edgeObjects:
		p.objects = newObjects(p)
		cfg.Objects, cfg.Reader = p.objects, &publisher{p}
	}
	return cfg
}

func (p *process) heardOf() []edge.HeardKeepAlive {
	var out []edge.HeardKeepAlive
	for tag, all := range p.exchange.InstanceKeepAlives() {
		for _, k := range all {
			out = append(out, edge.HeardKeepAlive{Cluster: tag, Instance: k.Instance, Number: k.Number, Age: max(time.Since(k.At), time.Millisecond)})
		}
	}
	return out
}

func (p *process) sent(instance string, n uint64) (time.Time, bool) {
	if f := p.s.mutant.sent; f != nil {
		return f(p, instance, n)
	}
	return p.exchange.Sent(instance, n)
}

// lookUp finds peers by the edge, as cmd does.
func (p *process) lookUp(ctx context.Context, z gslb.Zone) ([]gslb.NameServer, error) {
	asking, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	found, err := p.keeper.Discover(asking, z)
	for _, ns := range found {
		if tag := edge.ClusterOf(ns.Name, z.Zone, z.EdgeZone); tag != "" && tag != p.c.tag {
			p.store.KnowPeer(tag)
		}
	}
	if err == nil {
		p.store.PeersSought()
	}
	return found, err
}

// follow tells the exchange when the delegation changed, as cmd does.
func (p *process) follow() {
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.keeper.Changed():
			p.exchange.DelegationChanged()
		}
	}
}
