// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/gslb"
)

// metrics are what this package counts; edge is the edge zone.
type metrics struct {
	lookups   *prometheus.CounterVec // edge, result
	updates   *prometheus.CounterVec // edge, result
	delegates *prometheus.GaugeVec   // zone
	counter   *prometheus.GaugeVec   // edge
	missed    *prometheus.GaugeVec   // edge
	vouches   *prometheus.CounterVec // cluster
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
			Help: "Whether the edge zone, read back, delegates the zone to this cluster (1) or not (0).",
		}, []string{"zone"}),
		counter: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_edge_heartbeat_counter",
			Help: "Counter of this cluster's heartbeat in the edge zone.",
		}, []string{"edge"}),
		missed: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_edge_heartbeat_missed_clusters",
			Help: "Clusters that this cluster misses and says so in its heartbeat.",
		}, []string{"edge"}),
		vouches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_edge_heartbeat_vouches_total",
			Help: "Readings of a silent cluster's heartbeat that showed that it lives.",
		}, []string{"cluster"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.lookups, m.updates, m.delegates, m.counter, m.missed, m.vouches} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics of the edge: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) delegated(zone gslb.Name, ok bool) {
	v := 0.0
	if ok {
		v = 1
	}
	m.delegates.WithLabelValues(zone.String()).Set(v)
}

func (m *metrics) forget(zone gslb.Name) { m.delegates.DeleteLabelValues(zone.String()) }

func (m *metrics) ignored(edge gslb.Name) { m.updates.WithLabelValues(edge.String(), "ignored").Inc() }

func (m *metrics) applied(edge gslb.Name, result string) {
	m.updates.WithLabelValues(edge.String(), result).Inc()
}

func (m *metrics) beat(edge gslb.Name, counter uint64, missed int) {
	m.counter.WithLabelValues(edge.String()).Set(float64(counter))
	m.missed.WithLabelValues(edge.String()).Set(float64(missed))
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
	a, err := o.next.Lookup(ctx, q)
	o.count(o.metrics.lookups, q.Zone, err)
	return a, err
}

// Update implements Publisher.
func (o *observed) Update(ctx context.Context, c Change) (string, error) {
	server, err := o.next.Update(ctx, c)
	o.count(o.metrics.updates, c.Zone, err)
	return server, err
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
