// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// carryEvery is how often ExternalDNS looks at the objects.
const carryEvery = 5 * time.Second

// published is the delegation object of a cluster.
type published struct {
	servers  []gslb.NameServer
	observed bool
}

// objects is a cluster's API as the keeper of one process sees it.
type objects struct {
	p       *process
	changes chan struct{}
}

func newObjects(p *process) *objects { return &objects{p: p, changes: make(chan struct{}, 1)} }

// Get implements edge.Objects.
func (o *objects) Get(gslb.Name) (edge.Object, error) {
	o.p.s.mu.Lock()
	defer o.p.s.mu.Unlock()
	obj := edge.Object{Where: "DNSEndpoint meridian/delegation"}
	if have := o.p.c.object; have != nil {
		obj.Exists, obj.NameServers, obj.Observed = true, have.servers, have.observed
	}
	return obj, nil
}

// Apply implements edge.Objects; the first process that runs is the one that leads.
func (o *objects) Apply(ctx context.Context, d edge.FullDelegation) (bool, error) {
	if err := o.p.gate(ctx); err != nil {
		return false, err
	}
	o.p.s.mu.Lock()
	defer o.p.s.mu.Unlock()
	c := o.p.c
	if all := c.running(); len(all) == 0 || all[0] != o.p {
		return false, edge.ErrNotLeading
	}
	if c.away {
		return false, &edge.Error{Reason: edge.ReasonNoObjects, Message: "the API does not answer"}
	}
	if c.object != nil && slices.EqualFunc(c.object.servers, d.NameServers, sameServer) {
		return false, nil
	}
	c.object = &published{servers: d.NameServers}
	return true, nil
}

func sameServer(a, b gslb.NameServer) bool {
	return a.Name == b.Name && slices.Equal(a.Addrs, b.Addrs)
}

// Delete implements edge.Objects.
func (o *objects) Delete(context.Context, gslb.Name) error {
	o.p.s.mu.Lock()
	defer o.p.s.mu.Unlock()
	o.p.c.object = nil
	return nil
}

// Changed implements edge.Objects.
func (o *objects) Changed() <-chan struct{} { return o.changes }

// carry does what the ExternalDNS of each cluster does: it puts what its object
// says into the edge zone, whole, and knows nothing of the others.
func (s *sim) carry(ctx context.Context) {
	t := time.NewTicker(carryEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		s.mu.Lock()
		for _, c := range s.sorted() {
			if c.object == nil || !c.powered || c.away || s.zoneAt.down || s.net.silent(c.tag, edgeSite) {
				continue
			}
			var names []string
			for _, ns := range c.object.servers {
				names = append(names, ns.Name.FQDN())
				var addrs []string
				for _, a := range ns.Addrs {
					addrs = append(addrs, a.String())
				}
				s.zoneAt.put(rrset{ns.Name, edge.TypeA}, addrs)
			}
			s.zoneAt.put(rrset{s.zone, edge.TypeNS}, names)
			told := !c.object.observed
			c.object.observed = true
			for _, p := range c.running() {
				if told {
					p.poke()
				}
			}
		}
		s.zoneAt.carryOver()
		s.oracle.edgeStands()
		s.mu.Unlock()
	}
}

// poke tells the keeper that its object changed.
func (p *process) poke() {
	if p.objects == nil {
		return
	}
	select {
	case p.objects.changes <- struct{}{}:
	default:
	}
}

func parseAddr(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a
}
