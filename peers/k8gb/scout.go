// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// How often who serves a zone is read at the edge, and how often clusters are looked
// at: those of which it is not known what they run, and those that ran k8gb.
const (
	discoverSoon    = 2 * time.Second
	discoverEvery   = time.Minute
	discoverTimeout = 10 * time.Second
	probeEvery      = 5 * time.Second
	probeTimeout    = 2 * time.Second
	maxAddrs        = 8 // of one cluster in one zone
)

// scout finds out who runs k8gb until ctx ends.
func (a *Asker) scout(ctx context.Context) {
	wait := discoverSoon
	var due time.Time
	var once sync.Once
	next := time.NewTimer(probeEvery)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
			wait, due = discoverSoon, time.Time{}
		case <-next.C:
		}
		if a.cfg.Discover != nil && !due.After(time.Now()) {
			a.discover(ctx)
			due = time.Now().Add(wait)
			wait = min(2*wait, discoverEvery)
		}
		a.probeAll(ctx)
		once.Do(a.cfg.Sought)
		next.Reset(min(probeEvery, max(time.Until(due), time.Second)))
	}
}

// discover reads the name servers of every zone at the edge. What was found once is
// kept, also when the edge does not list it any more.
func (a *Asker) discover(ctx context.Context) {
	a.mu.Lock()
	w := a.world
	a.mu.Unlock()
	if w == nil {
		return
	}
	for i := range w.Zones {
		z := &w.Zones[i]
		asking, cancel := context.WithTimeout(ctx, discoverTimeout)
		servers, err := a.cfg.Discover(asking, *z)
		cancel()
		if err != nil {
			continue // the exchange between clusters says so
		}
		found := make(map[gslb.GeoTag][]string)
		for _, ns := range servers {
			if tag := a.cfg.ClusterOf(ns.Name, z.Zone, z.EdgeZone); tag != "" && tag != a.cfg.Self {
				found[tag] = append(found[tag], a.withPort(ns.Addrs)...)
			}
		}
		a.mu.Lock()
		for tag, addrs := range found {
			if len(addrs) == 0 {
				continue
			}
			if a.found[tag] == nil {
				a.found[tag] = make(map[gslb.Name][]string)
			}
			a.found[tag][z.Zone] = addrs[:min(len(addrs), maxAddrs)]
		}
		a.arrange()
		a.mu.Unlock()
	}
}

func (a *Asker) withPort(addrs []netip.Addr) []string {
	var out []string
	for _, addr := range addrs {
		if addr.IsValid() && !addr.IsUnspecified() {
			out = append(out, net.JoinHostPort(addr.String(), strconv.Itoa(int(a.cfg.Port))))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// suspect is a cluster that is looked at.
type suspect struct {
	tag   gslb.GeoTag
	zone  gslb.Name
	addrs []string
}

// probeAll looks at every cluster that signed nothing so far, all at once.
func (a *Asker) probeAll(ctx context.Context) {
	var wg sync.WaitGroup
	for _, s := range a.suspects() {
		wg.Go(func() {
			asking, cancel := context.WithTimeout(ctx, probeTimeout)
			defer cancel()
			a.judge(s.tag, a.probe(asking, s))
		})
	}
	wg.Wait()
}

// suspects gives the clusters to look at, in a zone of theirs. Those that signed are
// not asked as k8gb: they are let go.
func (a *Asker) suspects() []suspect {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []suspect
	for tag := range a.clusters {
		if a.signs(tag) {
			a.end(tag)
		}
	}
	add := func(tag gslb.GeoTag, zones map[gslb.Name][]string) {
		var s *suspect
		for zone, addrs := range a.ours(zones) {
			if s == nil || zone.Compare(s.zone) < 0 {
				s = &suspect{tag, zone, addrs}
			}
		}
		if s != nil && !a.signs(tag) {
			out = append(out, *s)
		}
	}
	for tag, zones := range a.found {
		if _, static := a.cfg.Static[tag]; !static {
			add(tag, zones)
		}
	}
	for tag := range a.cfg.Static {
		if c := a.clusters[tag]; c != nil {
			add(tag, c.zonesNow())
		}
	}
	return out
}

// evidence is what a cluster shows of what it runs.
type evidence uint8

const (
	unclear evidence = iota // it does not answer, or not for the zone
	signer                  // it knows signatures (RFC 8945): Meridian, or another server
	plain                   // it answers for the zone, and a signed question as if it were not signed
)

// probe asks every address of a cluster until one gives evidence.
func (a *Asker) probe(ctx context.Context, s suspect) evidence {
	seen := make(chan evidence, len(s.addrs))
	for _, addr := range s.addrs {
		go func() { seen <- a.probeOne(ctx, addr, s.zone) }()
	}
	for range s.addrs {
		if e := <-seen; e != unclear {
			return e
		}
	}
	return unclear
}

// probeOne asks one address, over TCP and where that cannot be had over UDP.
//
//	signed question       | SOA of the zone | evidence
//	answered with a TSIG  | any             | signer
//	answered without      | answered        | plain
//	answered without      | anything else   | unclear
//	not answered          | any             | unclear
func (a *Asker) probeOne(ctx context.Context, addr string, zone gslb.Name) evidence {
	q, err := signedQuestion(zone)
	if err != nil {
		return unclear
	}
	w := newWire(a.cfg.Dial, addr)
	defer w.close()
	reply, _, err := w.ask(ctx, q)
	switch {
	case err != nil:
		return unclear
	case reply.IsTsig() != nil:
		return signer
	}
	if q, err = soaQuestion(zone); err != nil {
		return unclear
	}
	if reply, _, err = w.ask(ctx, q); err == nil && saysSOA(reply, zone) {
		return plain
	}
	return unclear
}

// judge acts on evidence. A cluster that is configured to run k8gb needs none to begin
// with; one that knows signatures is not asked any more, whoever says that it should be.
func (a *Asker) judge(tag gslb.GeoTag, e evidence) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case e == signer:
		a.end(tag)
	case e == plain && !a.signs(tag) && a.ctx.Err() == nil:
		if _, static := a.cfg.Static[tag]; !static {
			a.begin(tag, a.ours(a.found[tag]))
		}
	}
}
