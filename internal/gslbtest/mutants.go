// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// Mutants gives the planted bugs. Nothing of them is in the product: each changes a
// value where it passes between the product's parts, in this simulator.
func Mutants() []Mutant {
	return slices.Concat(timingMutants(), believingMutants(), reportMutants(), edgeMutants(), servingMutants(), connectionMutants())
}

func timingMutants() []Mutant {
	return []Mutant{
		{Name: "patience", Seed: 2, Why: "a dead cluster is given up after 20 s instead of 4.5",
			timing: func(t *gslb.Timing) { t.Decide = 20 * time.Second }},
		{Name: "haste", Seed: 1, Why: "half a second of silence is taken for death",
			timing: func(t *gslb.Timing) { t.Lease, t.Decide = 600*time.Millisecond, 700*time.Millisecond }},
	}
}

func believingMutants() []Mutant {
	return []Mutant{
		{Name: "circle", Seed: 16, Why: "who is vouched for is listed as heard, so that two can hold a dead third",
			report: func(p *process, r *gslb.Report) *gslb.Report {
				p.s.mu.Lock()
				defer p.s.mu.Unlock()
				for _, q := range p.s.clusters[r.Cluster].running() {
					if w := q.view.world; w != nil && q.name == r.Instance {
						for i := range w.Clusters {
							if w.Clusters[i].Liveness == gslb.Vouched {
								r.Hears = append(slices.Clone(r.Hears), w.Clusters[i].Tag)
							}
						}
					}
				}
				slices.Sort(r.Hears)
				return r
			}},
		{Name: "any alarm", Seed: 38, Why: "an alarm vouches whatever keep-alive it names",
			sent: func(*process, string, uint64) (time.Time, bool) { return time.Now(), true }},
		{Name: "endless alarm", Seed: 30, Why: "an alarm vouches for ten minutes, whatever is heard after it",
			sighting: func(_ *process, v gslb.Sighting) (gslb.Sighting, bool) {
				if v.Kind == gslb.Heartbeat {
					v.At = v.At.Add(10 * time.Minute)
				}
				return v, true
			}},
		{Name: "no refusals", Seed: 14, Why: "who refuses our key is taken for dead",
			sighting: func(_ *process, v gslb.Sighting) (gslb.Sighting, bool) { return v, v.Kind != gslb.BadSignature }},
		{Name: "false isolation", Seed: 30, Why: "answers from outside are not noticed, so that the last cluster keeps dead ones",
			sighting: func(_ *process, v gslb.Sighting) (gslb.Sighting, bool) { return v, v.Kind != gslb.OutsideSeen }},
	}
}

func reportMutants() []Mutant {
	return []Mutant{
		{Name: "marks", Seed: 22, Why: "marks are not compared, so that a stalled instance is believed",
			report: func(_ *process, r *gslb.Report) *gslb.Report {
				r.Mark = 1
				return r
			}},
		{Name: "no pause", Seed: 42, Why: "an announced restart is not heard",
			report: func(_ *process, r *gslb.Report) *gslb.Report {
				if r.Announcement == gslb.Pausing {
					r.Announcement = gslb.Active
				}
				return r
			}},
		{Name: "old reports", Seed: 2, Why: "now and then the report before is taken for the newest",
			report: func(p *process, r *gslb.Report) *gslb.Report {
				p.s.mu.Lock()
				defer p.s.mu.Unlock()
				was := p.view.reports[r.Instance]
				p.view.reports[r.Instance] = r
				if was != nil && p.random.IntN(4) == 0 {
					return was
				}
				return r
			}},
		{Name: "no relay", Seed: 434, Why: "what a third cluster passes on is not taken",
			report: func(p *process, r *gslb.Report) *gslb.Report {
				if w := p.store.World(); w != nil {
					if c := w.Cluster(r.Cluster); c != nil && c.Liveness == gslb.Vouched {
						return nil
					}
				}
				return r
			}},
		{Name: "no guard", Seed: 30, Why: "hosts that vanish in a mass go at once", unguarded: true},
		{Name: "blindness", Seed: 11, Why: "an API that is away is taken for one without objects",
			blind: func(p *process) {
				p.s.mu.Lock()
				known := p.known
				p.s.mu.Unlock()
				for host := range known {
					p.store.SetObject(sourceOf(host), nil)
				}
			}},
	}
}

func edgeMutants() []Mutant {
	return []Mutant{
		{Name: "no fence", Seed: 1, Why: "the heartbeat is written without a prerequisite on the old one",
			update: func(_ *process, c edge.Change) edge.Change {
				c.Require = nil
				return c
			}},
		{Name: "one server", Seed: 38, Why: "what a server that lags behind tells is taken for what the first one says now",
			lookup: func(a edge.Answer) edge.Answer {
				a.Server = edgeAddr
				return a
			}},
		{Name: "whole set", Seed: 1, Why: "the delegation is replaced instead of added to",
			update: func(p *process, c edge.Change) edge.Change {
				if slices.ContainsFunc(c.Add, func(r gslb.Record) bool { return r.Type == edge.TypeNS }) {
					c.Clear = append(c.Clear, edge.RRset{Name: p.s.zone, Type: edge.TypeNS})
				}
				return c
			}},
	}
}

func connectionMutants() []Mutant {
	return []Mutant{
		{Name: "no redial", Seed: 44, Why: "connections are never replaced, so that both can stay at an instance that stands still",
			dial: func(p *process, to *cluster) bool {
				n := 0
				for c := range p.conns {
					if c.up.from == p && c.up.to.c == to {
						n++
					}
				}
				return to == p.c || n < 2
			}},
		{Name: "no call back", Seed: 4, Why: "who calls is not called back, so that a start while the edge is away finds nobody",
			dial: func(p *process, to *cluster) bool {
				return to == p.c || p.remembers || !p.view.edgeTells.IsZero() && p.view.edgeTells.Sub(p.started) < time.Second
			}},
	}
}

func servingMutants() []Mutant {
	return []Mutant{
		{Name: "stale table", Seed: 5, Why: "every third world is not served",
			world: func(_ *process, w *gslb.World) bool { return w.Revision%3 != 0 }},
		{Name: "peers first", Seed: 2, Why: "a cluster that is away holds up changes of our own",
			world: func(p *process, w *gslb.World) bool {
				return p.table.Load() == nil || !w.Ready || !slices.ContainsFunc(w.Clusters, func(c gslb.Cluster) bool {
					return c.Liveness == gslb.Lost || c.Liveness == gslb.Doubtful
				})
			}},
		{Name: "clock serial", Seed: 20, Why: "the serial follows the wall clock, back too",
			serial: func(p *process, _ uint32) uint32 { return uint32(p.clock().Unix()) }},
	}
}
