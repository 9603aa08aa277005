// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// Lines about answers are bounded: after window with linesPerWindow of them, one
// line says how many there were more.
const (
	window         = 10 * time.Second
	linesPerWindow = 20
)

// Changes tells of answers and clusters that changed, in the log and in counters,
// and counts hosts by the reason of their answers.
type Changes struct {
	log     *slog.Logger
	answers prometheus.Counter
	moves   *prometheus.CounterVec // geo_tag, liveness
	hosts   *prometheus.Desc
	reasons *prometheus.Desc
	refused *prometheus.Desc

	prev     *gslb.World // the last that was ready; Run's alone
	clusters map[gslb.GeoTag]clusterState
	isolated bool
	unsought bool
	held     map[gslb.GeoTag]int // hosts that the guard keeps, by cluster
	probes   bool                // the guard of probes holds some
	opened   time.Time           // of the window; zero: none is open
	told     int                 // lines in it
	more     int                 // answers that changed in it and were not told

	mu        sync.Mutex
	count     map[gslb.Reason]int
	conflicts map[gslb.Name][]gslb.RecordConflict // by zone
}

// NewChanges makes it; [Changes.Run] sets it to work.
func NewChanges(log *slog.Logger, r prometheus.Registerer) (*Changes, error) {
	c := &Changes{
		log: log.With("component", "gslb"), clusters: make(map[gslb.GeoTag]clusterState), count: make(map[gslb.Reason]int),
		answers: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "meridian_gslb_answer_changes_total", Help: "Hosts whose answer came to hold other addresses.",
		}),
		moves: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_gslb_liveness_changes_total", Help: "Times that a cluster came into a state.",
		}, []string{"geo_tag", "liveness"}),
		hosts: prometheus.NewDesc("meridian_gslb_hosts",
			"Hosts by the best that some cluster has for them: healthy, unknown, lost (lost clusters are answered as a last resort) or unhealthy (whenAllUnhealthy decides).", []string{"state"}, nil),
		refused: prometheus.NewDesc("meridian_gslb_record_conflicts", "Static record sets of a zone that are not served because they break a rule or contradict others.", []string{"zone"}, nil),
		reasons: prometheus.NewDesc("meridian_gslb_answers", "Hosts by the reason of their answer.", []string{"reason"}, nil),
	}
	return c, errors.Join(r.Register(c.answers), r.Register(c.moves), r.Register(c))
}

// Run reads Worlds until ctx ends; it then returns nil.
//
// Three things can happen in the loop:
//
//  1. a World came: tell of what changed since the last
//  2. the window of lines ends: say how many answers changed beside those told of
//  3. ctx ends
func (c *Changes) Run(ctx context.Context, worlds <-chan *gslb.World) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			c.closeWindow()
			return nil
		case w := <-worlds:
			open := !c.opened.IsZero()
			c.take(w, time.Now())
			if !open && !c.opened.IsZero() {
				timer.Reset(window)
			}
		case <-timer.C:
			c.closeWindow()
		}
	}
}

func (c *Changes) take(w *gslb.World, now time.Time) {
	c.takeClusters(w)
	if !w.Ready {
		return
	}
	c.takeRecords(w)
	prev := c.prev
	c.prev = w
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range w.Changed(prev) {
		var before, after *gslb.Host
		if prev != nil {
			before = prev.Host(name)
		}
		after = w.Host(name)
		was, is := c.recount(before, -1), c.recount(after, 1)
		if prev != nil {
			c.tell(name, was, is, w.Revision, now)
		}
	}
}

// answer is what is told of a host; the zero one: nobody offers it.
type answer struct {
	addrs  []netip.Addr
	reason gslb.Reason
}

// recount counts a host in or out, and gives its answer.
func (c *Changes) recount(h *gslb.Host, by int) answer {
	if h == nil {
		return answer{}
	}
	d := strategies.Decide(h)
	if c.count[d.Reason] += by; c.count[d.Reason] == 0 {
		delete(c.count, d.Reason)
	}
	return answer{d.Addrs(), d.Reason}
}

func (c *Changes) tell(host gslb.Name, was, is answer, revision uint64, now time.Time) {
	if slices.Equal(was.addrs, is.addrs) {
		if was.reason != is.reason {
			c.log.Debug("reason of an answer changed", "host", host.String(), "before", string(was.reason), "after", string(is.reason), "revision", revision)
		}
		return
	}
	c.answers.Inc()
	if c.opened.IsZero() {
		c.opened = now
	}
	if c.told >= linesPerWindow {
		c.more++
		return
	}
	c.told++
	reason := string(is.reason)
	if reason == "" {
		reason = "NotOffered"
	}
	c.log.Info("answer changed", "host", host.String(), "before", listed(was.addrs), "after", listed(is.addrs), "reason", reason, "revision", revision)
}

func listed(addrs []netip.Addr) string {
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	return strings.Join(texts, " ")
}

func (c *Changes) closeWindow() {
	if c.more > 0 {
		c.log.Info("more answers changed", "count", c.more, "revision", c.prev.Revision)
	}
	c.opened, c.told, c.more = time.Time{}, 0, 0
}

// takeRecords tells of static records that are not served, when that begins, changes and
// ends.
func (c *Changes) takeRecords(w *gslb.World) {
	next := make(map[gslb.Name][]gslb.RecordConflict, len(w.Zones))
	for i := range w.Zones {
		z := &w.Zones[i]
		next[z.Zone] = nil
		if z.Static != nil {
			next[z.Zone] = z.Static.Conflicts
		}
		was, is := c.conflicts[z.Zone], next[z.Zone]
		if reflect.DeepEqual(was, is) {
			continue
		}
		if len(is) == 0 {
			c.log.Info("every static record is served again", "zone", z.Zone.String())
			continue
		}
		c.log.Warn("static records are not served", "zone", z.Zone.String(), "count", len(is),
			"name", is[0].Name.String(), "reason", string(is[0].Reason), "do", "condition RecordsServed of the ZoneDelegation has them; meridian check finds them in files")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conflicts = next
}

// stateOf says what the reason of an answer tells of the host.
func stateOf(r gslb.Reason) string {
	switch r {
	case gslb.ReasonUnknownHealth:
		return "unknown"
	case gslb.ReasonLastResort:
		return "lost"
	case gslb.ReasonEmpty, gslb.ReasonLastHealthy, gslb.ReasonAllOffered, gslb.ReasonFallback:
		return "unhealthy"
	default:
		return "healthy"
	}
}

// Describe implements prometheus.Collector.
func (c *Changes) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.hosts
	ch <- c.reasons
	ch <- c.refused
}

// Collect implements prometheus.Collector.
func (c *Changes) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	states := map[string]int{"healthy": 0, "unknown": 0, "lost": 0, "unhealthy": 0}
	for reason, n := range c.count {
		states[stateOf(reason)] += n
		ch <- prometheus.MustNewConstMetric(c.reasons, prometheus.GaugeValue, float64(n), string(reason))
	}
	for state, n := range states {
		ch <- prometheus.MustNewConstMetric(c.hosts, prometheus.GaugeValue, float64(n), state)
	}
	for zone, all := range c.conflicts {
		ch <- prometheus.MustNewConstMetric(c.refused, prometheus.GaugeValue, float64(len(all)), zone.String())
	}
}
