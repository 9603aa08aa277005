// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/gslb"
)

// metrics are what this package counts; edge is the edge zone.
type metrics struct {
	lookups   *prometheus.CounterVec   // edge, result
	updates   *prometheus.CounterVec   // edge, result
	delegates *prometheus.GaugeVec     // zone
	counter   *prometheus.GaugeVec     // edge
	missed    *prometheus.GaugeVec     // edge
	vouches   *prometheus.CounterVec   // geo_tag
	repairs   *prometheus.CounterVec   // zone
	dead      *prometheus.CounterVec   // zone
	verified  *prometheus.GaugeVec     // zone
	written   *prometheus.GaugeVec     // edge
	seconds   *prometheus.HistogramVec // edge, kind
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_edge_lookups_total",
			Help: "Questions to servers of the edge zone that take updates, by result: ok, the RCODE or TSIG error, or unreachable.",
		}, []string{"edge", "result"}),
		updates: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_edge_updates_total",
			Help: "Updates of the edge zone, by result: ok, the RCODE or TSIG error, unreachable, or ignored (said to be taken, and not served).",
		}, []string{"edge", "result"}),
		delegates: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_edge_delegated",
			Help: "Whether the edge zone, read back, delegates the zone to this cluster, or is one of its own zones (1), or not (0).",
		}, []string{"zone"}),
		counter: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_edge_heartbeat_beats",
			Help: "Counter in this cluster's heartbeat in the edge zone: it counts beats of all instances.",
		}, []string{"edge"}),
		missed: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_edge_heartbeat_missed_clusters",
			Help: "Clusters that this cluster misses and says so in its heartbeat.",
		}, []string{"edge"}),
		vouches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_edge_heartbeat_vouches_total",
			Help: "Readings of a silent cluster's heartbeat that showed that it lives.",
		}, []string{"geo_tag"}),
		dead: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_edge_dead_removed_total", Help: "Name servers of dead clusters that this process removed from the delegation.",
		}, []string{"zone"}),
		repairs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_edge_repairs_total",
			Help: "Times that records of this cluster were found changed or gone at the edge, after they had been right, and were written again.",
		}, []string{"zone"}),
		verified: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_edge_verified_timestamp_seconds",
			Help: "When the delegation of a zone was last read back and found right; every minute, if all is well.",
		}, []string{"zone"}),
		written: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_edge_heartbeat_verified_timestamp_seconds",
			Help: "When this cluster's heartbeat in the edge zone was last read back and found right; every minute, if all is well.",
		}, []string{"edge"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "meridian_edge_request_seconds",
			Help: "Time that servers of the edge zone took, by kind: lookup or update.", Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10},
		}, []string{"edge", "kind"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.lookups, m.updates, m.delegates, m.counter, m.missed, m.vouches, m.repairs, m.dead, m.verified, m.written, m.seconds} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics of the edge: %w", err)
		}
	}
	return m, nil
}

// delegated notes how a zone stands; read: by what its edge zone was found to hold.
func (m *metrics) delegated(zone gslb.Name, ok, read bool) {
	v := 0.0
	if ok {
		v = 1
	}
	switch {
	case ok && read:
		m.verified.WithLabelValues(zone.String()).SetToCurrentTime()
	case ok:
		m.verified.DeleteLabelValues(zone.String())
	}
	m.repairs.WithLabelValues(zone.String())
	m.dead.WithLabelValues(zone.String())
	m.delegates.WithLabelValues(zone.String()).Set(v)
}

func (m *metrics) forget(zone gslb.Name) {
	m.delegates.DeleteLabelValues(zone.String())
	m.verified.DeleteLabelValues(zone.String())
	m.repairs.DeleteLabelValues(zone.String())
	m.dead.DeleteLabelValues(zone.String())
}

// leave forgets the heartbeat in an edge zone that is not kept any more.
func (m *metrics) leave(edge gslb.Name) {
	m.counter.DeleteLabelValues(edge.String())
	m.missed.DeleteLabelValues(edge.String())
	m.written.DeleteLabelValues(edge.String())
}

func (m *metrics) repaired(zone gslb.Name) { m.repairs.WithLabelValues(zone.String()).Inc() }

func (m *metrics) buried(zone gslb.Name) { m.dead.WithLabelValues(zone.String()).Inc() }

func (m *metrics) ignored(edge gslb.Name) { m.updates.WithLabelValues(edge.String(), "ignored").Inc() }

func (m *metrics) applied(edge gslb.Name, result string) {
	m.updates.WithLabelValues(edge.String(), result).Inc()
}

func (m *metrics) beat(edge gslb.Name, counter uint64, missed int) {
	m.counter.WithLabelValues(edge.String()).Set(float64(counter))
	m.missed.WithLabelValues(edge.String()).Set(float64(missed))
	m.written.WithLabelValues(edge.String()).SetToCurrentTime()
}

func (m *metrics) vouched(c gslb.GeoTag) { m.vouches.WithLabelValues(string(c)).Inc() }

// observed is a Publisher that counts, and notes that the edge answered: any
// answer shows that we are not cut off, a refusal too.
type observed struct {
	next     Publisher
	metrics  *metrics
	answered func()
}

// Lookup implements Publisher.
func (o *observed) Lookup(ctx context.Context, q Query) (Answer, error) {
	defer o.time(q.Zone, "lookup", time.Now())
	a, err := o.next.Lookup(ctx, q)
	o.count(o.metrics.lookups, q.Zone, err)
	return a, err
}

// Update implements Publisher.
func (o *observed) Update(ctx context.Context, c Change) (string, error) {
	defer o.time(c.Zone, "update", time.Now())
	server, err := o.next.Update(ctx, c)
	o.count(o.metrics.updates, c.Zone, err)
	return server, err
}

func (o *observed) time(edge gslb.Name, kind string, began time.Time) {
	o.metrics.seconds.WithLabelValues(edge.String(), kind).Observe(time.Since(began).Seconds())
}

func (o *observed) count(v *prometheus.CounterVec, edge gslb.Name, err error) {
	result := "ok"
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled):
		return
	default:
		result = asError(err).RCODE
		if result == "" {
			result = "unreachable"
		}
	}
	if result != "unreachable" {
		o.answered()
	}
	v.WithLabelValues(edge.String(), result).Inc()
}
