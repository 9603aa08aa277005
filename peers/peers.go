// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"context"
	crand "crypto/rand"
	"encoding/base32"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// Exchange publishes our report and reads those of the peers. Its methods are
// safe for concurrent use; [Exchange.ServeSlow] works before and after Run.
type Exchange struct {
	cfg     Config
	keys    []*signer
	log     *slog.Logger
	now     func() time.Time
	metrics *metrics

	started time.Time // by the clock of signatures
	sent    sent
	heard   heard
	noises  noises
	author  *author
	readers *readers
	world   atomic.Pointer[gslb.World]
	moved   chan struct{} // one place: our delegation changed
}

// New checks the configuration. The error names the field.
func New(c Config) (*Exchange, error) {
	if err := check(&c); err != nil {
		return nil, err
	}
	x := &Exchange{
		cfg: c, log: c.Log.With("component", "peers"), now: c.Now, metrics: newMetrics(),
		started: c.Now(), sent: sent{start: time.Now()}, moved: make(chan struct{}, 1),
	}
	for _, k := range c.Keys {
		s, err := newSigner(k)
		if err != nil {
			return nil, err
		}
		x.keys = append(x.keys, s)
	}
	x.author = newAuthor(c.Instance, c.Now, x.log, x.metrics)
	x.readers = newReaders(x)
	if c.Registerer != nil {
		if err := x.metrics.register(c.Registerer, x); err != nil {
			return nil, fmt.Errorf("metrics of the exchange: %w", err)
		}
	}
	return x, nil
}

// newInstance makes the name of a process: 80 random bits.
func newInstance() string {
	var b [10]byte
	crand.Read(b[:]) // never fails
	return strings.ToLower(base32.HexEncoding.EncodeToString(b[:]))
}

// Instance names this process, as reports and keep-alives do.
func (x *Exchange) Instance() string { return x.cfg.Instance }

// Refuses says why nothing is exchanged; "" when it is.
func (x *Exchange) Refuses() string {
	if len(x.keys) > 0 {
		return ""
	}
	return "no peer key is configured, so this cluster serves alone: nothing is exchanged unsigned; give every cluster the same --peer-tsig-key"
}

// KeepAlives gives the last number heard from each peer, of whichever of its
// instances spoke last.
func (x *Exchange) KeepAlives() map[gslb.GeoTag]KeepAlive {
	out := make(map[gslb.GeoTag]KeepAlive)
	for tag, all := range x.heard.recent(1) {
		out[tag] = all[0]
	}
	return out
}

// InstanceKeepAlives gives the last numbers heard from the instances of each
// peer, the one that spoke last first, at most four each. An alarm that names
// several can be recognised by each of the peer's instances.
func (x *Exchange) InstanceKeepAlives() map[gslb.GeoTag][]KeepAlive { return x.heard.recent(4) }

// Sent says when this instance sent a keep-alive number; false for a number that
// it did not send, or for another instance.
func (x *Exchange) Sent(instance string, number uint64) (time.Time, bool) {
	if instance != x.cfg.Instance {
		return time.Time{}, false
	}
	return x.sent.at(number)
}

// hello is what we say of ourselves in the next message.
func (x *Exchange) hello() *hello {
	return &hello{
		tag: x.cfg.Self, id: x.cfg.ClusterID, instance: x.cfg.Instance, number: x.sent.number(time.Now()),
	}
}

// hears lists whom we hear first-hand.
func (x *Exchange) hears() []gslb.GeoTag {
	w := x.world.Load()
	if w == nil {
		return nil
	}
	var out []gslb.GeoTag
	for i := range w.Clusters {
		if w.Clusters[i].Liveness == gslb.Fresh && len(out) < maxTags {
			out = append(out, w.Clusters[i].Tag)
		}
	}
	return out
}

// calledAt gives where our own name servers are: a peer that starts while the edge
// does not tell it can call us back.
func (x *Exchange) calledAt() []netip.Addr {
	w := x.world.Load()
	if w == nil {
		return nil
	}
	var out []netip.Addr
	for i := range w.Zones {
		for _, ns := range w.Zones[i].NameServers {
			if ns.Cluster == x.cfg.Self {
				out = append(out, ns.Addrs...)
			}
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	out = slices.Compact(out)
	return out[:min(len(out), maxAddrsPerPeer)]
}

// lookEvery is how often it is looked whether a peer can still be read.
const lookEvery = 500 * time.Millisecond

// Run publishes and reads until ctx ends; it then returns nil. It may be called
// once. Three things can happen:
//
//  1. a World came: publish what changed, follow its zones and clusters
//  2. time passed: look who cannot be read
//  3. ctx ends: connections are closed
//
// Reading, discovery and answering run beside it.
func (x *Exchange) Run(ctx context.Context) error {
	if why := x.Refuses(); why != "" {
		x.log.Warn("the exchange between clusters is off", "reason", why)
	} else {
		x.readers.start(ctx)
	}
	defer x.readers.wg.Wait()
	if x.cfg.Discover != nil && len(x.keys) > 0 {
		x.readers.wg.Go(func() { x.discover(ctx) })
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case w := <-x.cfg.Worlds:
			prev := x.world.Swap(w)
			x.author.publish(w)
			x.readers.follow(w)
			if prev == nil || !sameZones(prev, w) {
				x.DelegationChanged()
			}
		case <-look.C:
			x.readers.look()
			x.author.catchUp("")
		}
	}
}

func sameZones(a, b *gslb.World) bool {
	return slices.EqualFunc(a.Zones, b.Zones, func(a, b gslb.Zone) bool { return a.Zone == b.Zone && a.EdgeZone == b.EdgeZone })
}
