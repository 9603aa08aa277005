// SPDX-License-Identifier: Apache-2.0

package delegation

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// Checker looks at the delegation of every zone. Status, Of, Changed and Look are
// safe for concurrent use.
type Checker struct {
	Config
	metrics *metrics
	board   *board
	pokes   chan struct{}              // one place
	world   *gslb.World                // Run's alone, like all below
	zones   map[gslb.Name]*watched     // by zone
	edges   map[gslb.Name]*edgeServers // by edge zone
	behind  map[string]lag             // by zone and server
}

// watched is one zone that is looked at.
type watched struct {
	subject   subject
	due       time.Time
	suspected bool // the last look found trouble, the one before did not
}

// subject is what calls for a look when it changes.
type subject struct {
	edge    gslb.Name
	servers []gslb.NameServer
	lost    []gslb.GeoTag
	own     bool              // the edge zone is ours too
	above   []gslb.NameServer // and these serve it
}

// New makes a Checker; [Checker.Run] sets it to work.
func New(c Config) (*Checker, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	m, err := newMetrics(c.Registerer)
	if err != nil {
		return nil, err
	}
	return &Checker{
		Config: c, metrics: m, board: newBoard(c.Log, m), pokes: make(chan struct{}, 1),
		zones: make(map[gslb.Name]*watched), edges: make(map[gslb.Name]*edgeServers), behind: make(map[string]lag),
	}, nil
}

// Status says how the delegation of every zone was found, by zone. A zone is
// listed from the first ready World that has it.
func (c *Checker) Status() []Status { return c.board.list() }

// Of says how the delegation of a zone was found; false if it is not known.
func (c *Checker) Of(zone gslb.Name) (Status, bool) { return c.board.get(zone) }

// Changed receives after Status changed. It has one place and is for one reader.
func (c *Checker) Changed() <-chan struct{} { return c.board.changed }

// Look has every zone looked at soon: something at the edge changed.
func (c *Checker) Look() {
	select {
	case c.pokes <- struct{}{}:
	default:
	}
}

// Run looks at delegations until ctx ends; it then returns nil. It may be called
// once. It waits for one of four things:
//
//  1. a new World: zones that changed are due soon
//  2. somebody asks for a look
//  3. a zone is due
//  4. ctx ends
func (c *Checker) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Stop()
		if at := c.next(); !at.IsZero() {
			timer.Reset(time.Until(at))
		}
		select {
		case <-ctx.Done():
			return nil
		case w := <-c.Worlds:
			c.take(w)
		case <-c.pokes:
			for _, z := range c.zones {
				z.soon(settle)
			}
		case <-timer.C:
			c.round(ctx)
		}
	}
}

// soon brings the next look forward; it never puts it off.
func (z *watched) soon(d time.Duration) {
	if at := time.Now().Add(d); at.Before(z.due) {
		z.due = at
	}
}

// next is when a zone is due; zero: there is none to look at.
func (c *Checker) next() (at time.Time) {
	if c.world == nil || !c.world.Isolated.IsZero() {
		return at
	}
	for _, z := range c.zones {
		if at.IsZero() || z.due.Before(at) {
			at = z.due
		}
	}
	return at
}

// take notes a World. While it says that we are cut off nothing is asked, since
// nothing that came would mean anything.
func (c *Checker) take(w *gslb.World) {
	if !w.Ready {
		return
	}
	rejoined := c.world != nil && !c.world.Isolated.IsZero() && w.Isolated.IsZero()
	c.world = w
	zones := make(map[gslb.Name]*watched, len(w.Zones))
	for i := range w.Zones {
		z := &w.Zones[i]
		is := subjectOf(w, z)
		seen := c.zones[z.Zone]
		switch {
		case seen == nil:
			seen = &watched{subject: is, due: time.Now().Add(c.jitter(firstLook))}
			c.board.set(Status{Zone: z.Zone, EdgeZone: z.EdgeZone, Reason: ReasonPending, Message: "the delegation was not looked at yet"})
		case !reflect.DeepEqual(seen.subject, is), rejoined:
			seen.subject = is
			seen.soon(settle)
		}
		zones[z.Zone] = seen
		if !w.Isolated.IsZero() {
			seen.suspected = false
			c.isolated(z)
		}
	}
	c.zones = zones
	c.board.keep(zones)
}

func (c *Checker) isolated(z *gslb.Zone) {
	s, _ := c.board.get(z.Zone)
	c.board.set(Status{Zone: z.Zone, EdgeZone: z.EdgeZone, Reason: ReasonIsolated, Checked: s.Checked,
		Message: "this cluster is probably cut off, so it cannot tell"})
}

func subjectOf(w *gslb.World, z *gslb.Zone) subject {
	s := subject{edge: z.EdgeZone, servers: slices.Clone(z.NameServers)}
	if outer := edge.ServedParent(w, z); outer != nil {
		s.own, s.above = true, slices.Clone(outer.NameServers)
	}
	for i := range w.Clusters {
		if w.Clusters[i].Liveness == gslb.Lost {
			s.lost = append(s.lost, w.Clusters[i].Tag)
		}
	}
	return s
}

// round looks at what is due, one zone after the other.
func (c *Checker) round(ctx context.Context) {
	for i := range c.world.Zones {
		z := &c.world.Zones[i]
		seen := c.zones[z.Zone]
		if seen.due.After(time.Now()) {
			continue
		}
		s := c.look(ctx, c.world, z)
		if ctx.Err() != nil {
			return
		}
		pause := checkEvery
		switch was, _ := c.board.get(z.Zone); {
		case s.State == Broken && was.State != Broken && !seen.suspected:
			seen.suspected, pause = true, confirm
		case s.State == Broken:
			pause = brokenEvery
			c.board.set(s)
		default:
			seen.suspected = false
			c.board.set(s)
		}
		seen.due = time.Now().Add(c.jitter(pause))
		select {
		case w := <-c.Worlds: // a look takes its time
			c.take(w)
			return
		default:
		}
	}
}

// each does n things, some of them at the same time.
func (c *Checker) each(ctx context.Context, n int, do func(int)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i := range n {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		wg.Go(func() {
			do(i)
			select {
			case <-slots:
			default:
			}
		})
	}
	wg.Wait()
}

// jitter gives d, shortened or lengthened by up to a tenth.
func (c *Checker) jitter(d time.Duration) time.Duration {
	return d + time.Duration((c.Rand()-0.5)*0.2*float64(d))
}
