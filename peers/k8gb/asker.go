// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/gslb"
)

// Store is what is needed of [gslb.Store].
type Store interface {
	SetReport(*gslb.Report) error
	Sight(gslb.Sighting)
	KnowPeer(gslb.GeoTag)
}

// Config says what an [Asker] needs. Self, Store, Worlds and Log are required; zero
// values of the rest mean what their comments say.
type Config struct {
	Self   gslb.GeoTag
	Store  Store
	Worlds <-chan *gslb.World // of a [gslb.Mailbox]

	// Static lists the addresses (HOST:PORT) of clusters that run k8gb, in every zone.
	Static map[gslb.GeoTag][]string
	// Discover gives the name servers that the edge has for a zone; Cluster in them is not
	// read. nil: not asked.
	Discover func(context.Context, gslb.Zone) ([]gslb.NameServer, error)
	// ClusterOf tells whose name server a name is; "" for those that are nobody's. Needed
	// with Discover.
	ClusterOf func(ns, zone, edge gslb.Name) gslb.GeoTag
	// Foreign is told when a cluster turns out to run k8gb (true), and when it does not
	// any more. nil: nobody is told. It must not block.
	Foreign func(gslb.GeoTag, bool)

	// Sought is told once that clusters were looked for the first time, with or without
	// success, and those that run k8gb are known. nil: nobody is told. It must not block.
	Sought func()

	Port          uint16 // of discovered name servers; 0: 53
	Rate          int    // questions about hosts to one cluster, a second; 0: 100
	AllowLoopback bool   // believe loopback addresses in answers

	Dial func(ctx context.Context, network, addr string) (net.Conn, error) // "udp" and "tcp"; nil: the system's

	Log        *slog.Logger
	Registerer prometheus.Registerer // nil: no metrics
}

const defaultRate = 100

// Asker asks clusters that run k8gb.
type Asker struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	wg      sync.WaitGroup

	mu       sync.Mutex
	ctx      context.Context // of the clusters; nil before Run
	world    *gslb.World
	hosts    map[gslb.Name]host
	clusters map[gslb.GeoTag]*cluster
	found    map[gslb.GeoTag]map[gslb.Name][]string // HOST:PORT by zone, of whatever software
	wake     chan struct{}                          // one place: zones changed
}

// host is a host that is asked for.
type host struct {
	zone gslb.Name
	ask  gslb.Ask // how a client would ask its entries
}

// New checks the configuration.
func New(c Config) (*Asker, error) {
	if c.Self == "" || c.Store == nil || c.Worlds == nil || c.Log == nil {
		return nil, errors.New("asking k8gb needs Self, Store, Worlds and Log")
	}
	if c.Discover != nil && c.ClusterOf == nil {
		return nil, errors.New("asking k8gb needs ClusterOf with Discover")
	}
	for tag, addrs := range c.Static {
		for _, a := range addrs {
			if _, _, err := net.SplitHostPort(a); err != nil {
				return nil, fmt.Errorf("clusters that run k8gb: %s: %q is not HOST:PORT: %w", tag, a, err)
			}
		}
	}
	if c.Port == 0 {
		c.Port = 53
	}
	if c.Rate <= 0 {
		c.Rate = defaultRate
	}
	if c.Foreign == nil {
		c.Foreign = func(gslb.GeoTag, bool) {}
	}
	if c.Sought == nil {
		c.Sought = func() {}
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{}).DialContext
	}
	a := &Asker{
		cfg: c, log: c.Log.With("component", "peers"), metrics: newMetrics(), wake: make(chan struct{}, 1),
		hosts: make(map[gslb.Name]host), clusters: make(map[gslb.GeoTag]*cluster), found: make(map[gslb.GeoTag]map[gslb.Name][]string),
	}
	for tag := range c.Static {
		if tag != c.Self {
			c.Store.KnowPeer(tag)
		}
	}
	if c.Registerer != nil {
		if err := a.metrics.register(c.Registerer, a); err != nil {
			return nil, fmt.Errorf("metrics of clusters that run k8gb: %w", err)
		}
	}
	return a, nil
}

// Run asks until ctx ends; it then returns nil. It may be called once. Beside it run
// the scout, which finds out who runs k8gb, and a loop for each such cluster.
func (a *Asker) Run(ctx context.Context) error {
	defer a.wg.Wait()
	a.mu.Lock()
	a.ctx = ctx
	a.mu.Unlock()
	a.wg.Go(func() { a.scout(ctx) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case w := <-a.cfg.Worlds:
			a.follow(w)
		}
	}
}

// follow takes over what a World changed: its zones, and the hosts that are asked for.
func (a *Asker) follow(w *gslb.World) {
	a.mu.Lock()
	defer a.mu.Unlock()
	moved := make(map[gslb.Name]host)
	for n := range w.Changed(a.world) {
		is, there := hostOf(w, n)
		was, known := a.hosts[n]
		switch {
		case there && (!known || was != is):
			a.hosts[n], moved[n] = is, is
		case !there && known:
			delete(a.hosts, n)
			moved[n] = host{}
		}
	}
	rezoned := a.world == nil || !sameZones(a.world, w)
	a.world = w
	if rezoned {
		a.arrange()
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
	if len(moved) > 0 {
		for _, c := range a.clusters {
			c.follow(moved)
		}
	}
}

func sameZones(a, b *gslb.World) bool {
	return slices.EqualFunc(a.Zones, b.Zones, func(a, b gslb.Zone) bool { return a.Zone == b.Zone && a.EdgeZone == b.EdgeZone })
}

// hostOf says whether and how a host of a World is asked for: those in a zone of ours
// whose localtargets name is a name.
func hostOf(w *gslb.World, n gslb.Name) (host, bool) {
	h := w.Host(n)
	if h == nil || h.Zone.IsZero() || n == h.Zone || n.IsWildcard() {
		return host{}, false
	}
	if _, err := gslb.ParseName(localPrefix + n.String()); err != nil {
		return host{}, false
	}
	out := host{zone: h.Zone}
	parts := h.Parts
	if own := h.Part(w.Self); own != nil {
		parts = append([]gslb.Part{*own}, parts...)
	}
	for i := range parts {
		if o := parts[i].Offer; !o.PolicyUnknown && len(o.Entries) > 0 && o.Entries[0].Ask.Scheme != "" {
			out.ask = o.Entries[0].Ask
			break
		}
	}
	return out, true
}

// Status is what is known of a cluster that runs k8gb, for people and metrics.
type Status struct {
	Cluster   gslb.GeoTag
	Addresses []string
	Heard     time.Time     // when it last answered for a zone; zero: never
	Hosts     int           // that it answered addresses for once
	Round     time.Duration // how long it takes to ask for every host once
}

// Clusters gives every cluster that is asked, by geo tag.
func (a *Asker) Clusters() []Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []Status
	for _, tag := range slices.Sorted(maps.Keys(a.clusters)) {
		out = append(out, a.clusters[tag].status())
	}
	return out
}
