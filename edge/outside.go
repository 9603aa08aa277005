// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// The measure of whether we are cut off. The model wants an answer from outside
// every 2 s (gslb.Timing.Outside).
const (
	askEvery       = time.Second
	askTimeout     = 900 * time.Millisecond
	seenOfLate     = 500 * time.Millisecond
	maxEdgeServers = 13 // of one edge zone, as many as the root has
)

// outside tells the Store when anything outside this cluster answered: a
// server that takes our updates (noted by observed), a server of the edge
// zone's NS set, or an anchor. The latter two are asked only while nobody is
// heard first-hand and nothing else answered of late. So is an edge zone that is
// only read: there, no heartbeats of silent clusters are.
type outside struct {
	c       *Config
	anchors []string
	needed  box[bool]
	reader  Reader // observed; nil: the edge zones are not only read

	mu      sync.Mutex
	at      time.Time              // of the last answer
	servers map[gslb.Name][]string // of edge zones, by edge zone
	edges   []gslb.Name            // that reader reads
}

func newOutside(c *Config) (*outside, error) {
	o := &outside{c: c, needed: newBox[bool](), servers: make(map[gslb.Name][]string)}
	for _, a := range c.Anchors {
		s, err := withPort(a)
		if err != nil {
			return nil, err
		}
		o.anchors = append(o.anchors, s)
	}
	return o, nil
}

// withPort reads ADDRESS or ADDRESS:PORT.
func withPort(s string) (string, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, 53).String(), nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return "", fmt.Errorf("anchor %q is not an address: write 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53", s)
	}
	return ap.String(), nil
}

// saw notes that something outside answered.
func (o *outside) saw() {
	now := time.Now()
	o.mu.Lock()
	o.at = now
	o.mu.Unlock()
	o.c.Store.Sight(gslb.Sighting{Kind: gslb.OutsideSeen, At: now})
}

func (o *outside) watch(s silence) { o.needed.put(s.alone) }

// run asks once a second while that is needed.
func (o *outside) run(ctx context.Context) {
	if o.c.Ask == nil && o.reader == nil {
		return
	}
	timer := time.NewTimer(askEvery)
	timer.Stop()
	defer timer.Stop()
	asking := false
	for {
		select {
		case <-ctx.Done():
			return
		case needed := <-o.needed:
			if needed && !asking {
				timer.Reset(0)
			} else if !needed {
				timer.Stop()
			}
			asking = needed
		case <-timer.C:
			timer.Reset(askEvery)
			o.ask(ctx)
		}
	}
}

// ask puts one question to each server at once, and returns when all answered
// or the time is over. One answer is enough.
func (o *outside) ask(ctx context.Context) {
	o.mu.Lock()
	late := time.Since(o.at) > seenOfLate
	targets := make(map[string]gslb.Name)
	for edge, servers := range o.servers {
		for _, s := range servers {
			targets[s] = edge
		}
	}
	edges := slices.Clone(o.edges)
	o.mu.Unlock()
	if !late {
		return
	}
	for _, a := range o.anchors {
		targets[a] = gslb.Name{}
	}
	if o.c.Ask == nil {
		clear(targets)
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var wg sync.WaitGroup
	for _, edge := range edges {
		wg.Go(func() { _, _ = o.reader.Lookup(ctx, Query{Zone: edge, Name: edge, Type: TypeNS}) }) // observed tells of the answer
	}
	for server, zone := range targets {
		wg.Go(func() {
			if o.c.Ask(ctx, server, zone) == nil {
				o.saw()
			}
		})
	}
	wg.Wait()
}

// read has an edge zone read too, while something is to be asked.
func (o *outside) read(edge gslb.Name) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.edges = append(o.edges, edge)
}

// forget stops to ask an edge zone that is ours now: our own answer shows nothing. Who
// follows it was stopped before.
func (o *outside) forget(edge gslb.Name) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.servers, edge)
	o.edges = slices.DeleteFunc(o.edges, func(e gslb.Name) bool { return e == edge })
}

// follow learns who serves an edge zone, at the start and from time to time.
func (o *outside) follow(ctx context.Context, p Reader, edge gslb.Name, jitter func(time.Duration) time.Duration) {
	if o.c.Ask == nil {
		return
	}
	for {
		pause := verifyEvery
		if !o.learn(ctx, p, edge) {
			pause = retryMost
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(jitter(pause)):
		}
	}
}

// learn reads the NS set of the edge zone itself and the addresses of those
// servers. It keeps the last good list and reports whether it got a new one.
func (o *outside) learn(following context.Context, p Reader, edge gslb.Name) bool {
	ctx, cancel := context.WithTimeout(following, publisherBudget)
	defer cancel()
	ns, err := p.Lookup(ctx, Query{Zone: edge, Name: edge, Type: TypeNS})
	if err != nil {
		return false
	}
	var servers []string
	for _, s := range ns.Data {
		name, err := gslb.ParseName(s)
		if err != nil {
			continue
		}
		for _, a := range o.addrsOf(ctx, p, edge, name) {
			servers = append(servers, netip.AddrPortFrom(a, 53).String())
		}
	}
	slices.Sort(servers)
	servers = slices.Compact(servers)
	o.mu.Lock()
	defer o.mu.Unlock()
	if following.Err() != nil {
		return false
	}
	o.servers[edge] = servers[:min(len(servers), maxEdgeServers)]
	return true
}

// addrsOf finds the addresses of a server of the edge zone: in the zone itself,
// or by the resolver where its name lies elsewhere.
func (o *outside) addrsOf(ctx context.Context, p Reader, edge, name gslb.Name) []netip.Addr {
	if name.In(edge) {
		addrs, _, err := readAddrs(ctx, p, edge, name, "")
		if err != nil {
			return nil
		}
		return addrs
	}
	if o.c.Resolver == nil {
		return nil
	}
	addrs, err := o.c.Resolver.LookupNetIP(ctx, "ip", name.FQDN())
	if err != nil {
		return nil
	}
	return sortedAddrs(addrs)
}
