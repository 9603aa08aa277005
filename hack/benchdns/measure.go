// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// sample is one measurement.
type sample struct {
	perCPU, user, system float64 // questions a CPU-second; µs of the server for one
	qps                  float64
	p50, p99             float64 // µs, at a fixed rate
	changed              float64 // changes a second
}

// results are the samples by scenario and server.
type results map[string]map[string][]sample

// measure runs every scenario with every server in turn, as often as there are runs.
func (b *bench) measure(ctx context.Context) (results, error) {
	all := make(results)
	total := b.count()
	n := 0
	for turn := range b.runs {
		for _, s := range scenarios() {
			if !b.wants(s.name) {
				continue
			}
			for _, r := range b.running {
				if !b.measures(s, r) {
					continue
				}
				m, err := b.patiently(ctx, s, r)
				if err != nil {
					return nil, fmt.Errorf("%s of %s: %w", s.name, r.name, err)
				}
				if all[s.name] == nil {
					all[s.name] = make(map[string][]sample)
				}
				all[s.name][r.name] = append(all[s.name][r.name], m)
				n++
				fmt.Fprintf(b.out, "%3d/%d run %d %-15s %-8s %s\n", n, total, turn+1, s.name, r.name, m.line(s))
			}
		}
	}
	return all, nil
}

// patiently measures again when a measurement says nothing: on a machine where others
// work too, a server may hardly get a turn.
func (b *bench) patiently(ctx context.Context, s *scenario, r *running) (m sample, err error) {
	for range 4 {
		if m, err = b.one(ctx, s, r); err == nil || ctx.Err() != nil {
			return m, err
		}
		fmt.Fprintf(b.out, "        once more %s %s: %v\n", s.name, r.name, err)
	}
	return m, err
}

// measures reports that a scenario makes sense for a server.
func (b *bench) measures(s *scenario, r *running) bool {
	return (!s.weighted || r.name == "meridian") && (!s.changes || r.takesChanges())
}

func (b *bench) count() int {
	n := 0
	for _, s := range scenarios() {
		for _, r := range b.running {
			if b.wants(s.name) && b.measures(s, r) {
				n += b.runs
			}
		}
	}
	return n
}

// one measures a server under a scenario once, after a short while of the same load.
func (b *bench) one(ctx context.Context, s *scenario, r *running) (m sample, err error) {
	if s.weighted {
		r = b.drawing
	}
	rate := 0
	if s.rate {
		rate = b.rate
	}
	if _, err := ask(ctx, b.dir, r.at, s, min(b.duration/4, time.Second), rate); err != nil {
		return m, err
	}
	if s.changes {
		p, err := publish(ctx, r)
		if err != nil {
			return m, err
		}
		began := time.Now()
		defer func() {
			made, e := p.stop()
			m.changed = float64(made) / time.Since(began).Seconds()
			if err == nil {
				err = e
			}
		}()
	}
	before, err := r.process.cpu()
	if err != nil {
		return m, err
	}
	l, err := ask(ctx, b.dir, r.at, s, b.duration, rate)
	if err != nil {
		return m, err
	}
	after, err := r.process.cpu()
	if err != nil {
		return m, err
	}
	return judge(s, l, after.minus(before))
}

// leastTime is what a server has to use in a measurement, in view of the unit of /proc.
const leastTime = 5 * tick

// judge makes a sample of what dnsperf and the kernel say.
func judge(s *scenario, l load, used cpuTime) (sample, error) {
	if l.completed*10 < l.sent*9 {
		return sample{}, fmt.Errorf("of %d questions only %d were answered", l.sent, l.completed)
	}
	if !strings.HasPrefix(l.rcodes, s.rcode+" ") || strings.Contains(l.rcodes, ",") {
		return sample{}, fmt.Errorf("the answers are %s; all should be %s", l.rcodes, s.rcode)
	}
	if used.total() < leastTime {
		return sample{}, fmt.Errorf("the server used %s for %d questions, too little to be judged by", used.total(), l.completed)
	}
	n := float64(l.completed)
	m := sample{
		perCPU: n / used.total().Seconds(), user: micro(used.user) / n, system: micro(used.system) / n, qps: l.qps,
	}
	if s.rate {
		if len(l.latencies) == 0 {
			return sample{}, fmt.Errorf("dnsperf gave no latency of %d questions", l.completed)
		}
		m.p50, m.p99 = micro(quantile(l.latencies, 0.5)), micro(quantile(l.latencies, 0.99))
	}
	return m, nil
}

func micro(d time.Duration) float64 { return float64(d) / 1e3 }

// line is a sample for people.
func (m sample) line(s *scenario) string {
	out := fmt.Sprintf("%7.0f a CPU-second, %5.2f µs user, %5.2f µs system, %7.0f a second", m.perCPU, m.user, m.system, m.qps)
	if s.rate {
		out = fmt.Sprintf("p50 %.0f µs, p99 %.0f µs, %.2f µs of the server a question", m.p50, m.p99, m.user+m.system)
	}
	if s.changes {
		out += fmt.Sprintf(", %.0f changes a second", m.changed)
	}
	return out
}
