// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the numbers of the controllers. Labels are bounded: kinds, tasks and
// results are closed lists.
type metrics struct {
	translations prometheus.Counter     // Gslbs translated, whatever came out
	failures     prometheus.Counter     // translations that failed and kept the last good offers
	objects      prometheus.Gauge       // Gslbs that are translated
	held         prometheus.Gauge       // Gslbs that vanished in a relist and are kept for a while
	readErrors   *prometheus.CounterVec // kind
	blind        prometheus.Gauge
	blindSince   prometheus.Gauge
	reachable    prometheus.Gauge
	requests     *prometheus.CounterVec // verb, code
	watched      *prometheus.CounterVec // kind
	drift        *prometheus.CounterVec // kind
	writes       *prometheus.CounterVec // what, result
	leader       prometheus.Gauge
	incumbent    prometheus.Gauge
	events       *prometheus.CounterVec // reason, result
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "meridian", Subsystem: "controllers", Name: name, Help: help}
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts(opts(name, help)))
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts(opts(name, help)))
	}
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), labels)
	}
	m := &metrics{
		translations: counter("translations_total", "Gslbs translated into offers, whether or not that changed anything."),
		failures:     counter("translation_failures_total", "Translations that failed; the last good offers of the Gslb stay."),
		objects:      gauge("gslbs", "Gslbs that this cluster has."),
		held:         gauge("held_gslbs", "Gslbs that vanished together while the API was read anew and are kept for a while."),
		readErrors:   vec("read_errors_total", "Lists and watches that failed, by kind.", "kind"),
		blind:        gauge("blind", "1 while this cluster cannot read its objects."),
		blindSince:   gauge("blind_since_timestamp_seconds", "Since when this cluster cannot read its objects; 0 while it can."),
		reachable:    gauge("api_reachable", "1 while the Kubernetes API answers."),
		requests:     vec("api_requests_total", "Requests to the Kubernetes API, by method and class of the status: 2xx, 3xx, 4xx, 5xx, or none without an answer.", "method", "code"),
		watched:      vec("watch_events_total", "Objects that came, changed or went, as the watches tell, by kind.", "kind"),
		drift:        vec("drift_total", "Objects in the cache that a watch had left out of date, by kind.", "kind"),
		writes:       vec("writes_total", "Objects written to the API, by what and result.", "what", "result"),
		events:       vec("events_total", "Kubernetes events, by reason and result: sent, or dropped because there were too many at once.", "reason", "result"),
		incumbent:    gauge("k8gb_running", "1 while k8gb's operator runs in this cluster, so that nothing is written that it writes."),
		leader:       gauge("leader", "1 while this process holds the Lease and writes."),
	}
	var problems []error
	for _, c := range []prometheus.Collector{
		m.translations, m.failures, m.objects, m.held, m.readErrors, m.blind, m.blindSince, m.reachable, m.requests, m.watched, m.drift, m.writes, m.leader, m.incumbent, m.events,
	} {
		problems = append(problems, r.Register(c))
	}
	return m, errors.Join(problems...)
}
