// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// cluster is one simulated cluster.
type cluster struct {
	tag     gslb.GeoTag
	sim     *sim
	store   *gslb.Store
	stop    context.CancelFunc
	done    chan struct{}
	running bool
	answers bool // its entries answer entry checks

	mark    uint64
	objects map[gslb.Name]*gslb.Offer
	down    map[netip.Addr]bool

	beat  uint64    // heartbeat counter
	alarm time.Time // last heartbeat written
	seen  map[gslb.GeoTag]uint64
}

func (s *sim) startCluster(tag gslb.GeoTag) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clusters[tag]
	if c == nil {
		c = &cluster{tag: tag, sim: s, objects: map[gslb.Name]*gslb.Offer{}, down: map[netip.Addr]bool{}}
		s.clusters[tag] = c
	}
	if c.running {
		return fmt.Errorf("cluster %s runs already", tag)
	}
	store, err := gslb.NewStore(gslb.Config{Self: tag, ClusterID: "id-" + string(tag), MeasuresOutside: s.edge})
	if err != nil {
		return err
	}
	c.store, c.running, c.answers = store, true, true
	c.seen = map[gslb.GeoTag]uint64{}
	c.done = make(chan struct{})
	box := store.Mailbox()
	ctx, cancel := context.WithCancel(s.ctx)
	c.stop = cancel
	store.SetZones([]gslb.ZoneIntent{{Zone: s.zone, EdgeZone: s.zone.Parent(), NegTTL: 30}})
	c.report()
	go func() {
		defer close(c.done)
		_ = store.Run(ctx) // ends with ctx and never fails
	}()
	go c.push(ctx, box)
	go c.every(ctx, 500*time.Millisecond, c.keepAlive)
	go c.every(ctx, 250*time.Millisecond, c.witness)
	return nil
}

// halt ends the process of a cluster without a word; its entries go on answering
// or not.
func (c *cluster) halt(answers bool) {
	c.sim.locked(func() { c.running, c.answers = false, answers })
	c.stop()
	<-c.done
}

func (c *cluster) every(ctx context.Context, d time.Duration, f func()) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			f()
		}
	}
}

// push hands every new World's report to whom the links reach.
func (c *cluster) push(ctx context.Context, box *gslb.Mailbox) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-box.C():
			c.deliver()
		}
	}
}

func (c *cluster) keepAlive() { c.deliver() }

// deliver sends our report, and those of clusters that we hear first-hand, to
// every cluster that a link reaches.
func (c *cluster) deliver() {
	w := c.store.World()
	if w == nil {
		return
	}
	r := w.OwnReport(c.sim.zone)
	r.Instance = "i-" + string(c.tag)
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	for _, to := range c.sim.reached(c.tag) {
		to.store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: c.tag, Instance: r.Instance, At: time.Now()})
		_ = to.store.SetReport(r) // refusals show in the state that stories assert
		for _, relayed := range r.Hears {
			if o := c.sim.clusters[relayed]; o != nil && relayed != to.tag && o.running && o.store.World() != nil {
				rr := o.store.World().OwnReport(c.sim.zone)
				rr.Instance = "i-" + string(relayed)
				_ = to.store.SetReport(rr)
			}
		}
	}
}

// witness does what edge and entry checks do: beat when alarmed, read the beats
// of silent clusters, ask their entries.
func (c *cluster) witness() {
	w := c.store.World()
	if w == nil {
		return
	}
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	edge := c.sim.edge && !c.sim.isCut(c.tag, edgeSite)
	if edge && len(w.Alarm.Missed) > 0 && time.Since(c.alarm) >= beatInterval {
		c.beat++
		c.alarm = time.Now()
		c.sim.beats[c.tag] = beat{c.beat, w.Alarm.Missed}
	}
	silent := false
	for _, p := range w.Clusters {
		if p.Liveness == gslb.Self || p.Liveness == gslb.Fresh || p.Liveness == gslb.Left {
			continue
		}
		silent = true
		if b := c.sim.beats[p.Tag]; edge && b.counter != c.seen[p.Tag] && slices.Contains(b.missed, c.tag) {
			c.seen[p.Tag] = b.counter
			c.store.Sight(gslb.Sighting{Kind: gslb.Heartbeat, Of: p.Tag, At: time.Now(), ValidFor: 3 * beatInterval})
		}
		if c.sim.entryCheck {
			c.askEntries(w, p.Tag)
		}
	}
	if silent && edge {
		c.store.Sight(gslb.Sighting{Kind: gslb.OutsideSeen, At: time.Now()})
	}
}

func (c *cluster) askEntries(w *gslb.World, of gslb.GeoTag) {
	target := c.sim.clusters[of]
	if target == nil || !target.answers {
		return
	}
	for h := range w.Hosts() {
		if p := h.Part(of); p != nil && len(p.Entries) > 0 {
			c.store.Sight(gslb.Sighting{Kind: gslb.EntryAnswered, Of: of, Host: h.Name, At: time.Now(), ValidFor: 3 * time.Second})
		}
	}
}

// report hands all objects of the cluster to its store, as controllers do.
func (c *cluster) report() {
	for _, o := range c.objects {
		offer := *o
		offer.Entries = slices.Clone(o.Entries)
		for i := range offer.Entries {
			e := &offer.Entries[i]
			if c.down[e.Addr] {
				e.Health, e.Reason = gslb.Unhealthy, gslb.ReasonNotReady
			}
		}
		c.store.SetObject(offer.Source, []*gslb.Offer{&offer})
	}
	c.mark++
	mark := c.mark
	c.store.UpdateLocal(func(l *gslb.LocalState) { l.Mark, l.Synced = mark, true })
}

// answer says what the cluster can answer for a host, as a story writes it.
func (c *cluster) answer(host gslb.Name) (addrs string, because gslb.Reason) {
	w := c.store.World()
	if w == nil || !w.Ready {
		return "not ready", ""
	}
	h := w.Host(host)
	if h == nil {
		return "nothing", ""
	}
	d := strategies.Decide(h)
	if len(d.Addrs()) == 0 {
		return "nodata", d.Reason
	}
	var out []string
	for _, a := range d.Addrs() {
		out = append(out, a.String())
	}
	return strings.Join(out, " "), d.Reason
}
