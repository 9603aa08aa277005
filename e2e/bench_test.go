// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/meridian-gslb/meridian/internal/lab"
)

// BenchmarkBackendToAnswer measures, on two real API servers, from the return of
// the API write that turns eu's only endpoint off or on to the first right
// answer on the UDP socket, asked every 5 ms: eu's own, and the other cluster's.
// Results: docs/benchmarks.md. Run: make bench PKGS=./e2e BENCH=Backend BENCHTIME=50x
func BenchmarkBackendToAnswer(b *testing.B) {
	s := newKubeSite(b, "eu", "us")
	eu, us := s.clusters["eu"], s.clusters["us"]
	for _, c := range s.clusters {
		c.apply(gslb("failover", fail, "failover", "primaryGeoTag: eu"))
	}
	s.await(eu.at(), fail, s.entries("eu"))
	s.await(us.at(), fail, s.entries("eu"))
	var own, other []time.Duration
	up := true
	for range b.N {
		up = !up
		want := s.entries("us")
		if up {
			want = s.entries("eu")
		}
		require.NoError(b, eu.ready(b.Context(), up))
		ctx, cancel := context.WithTimeout(b.Context(), patience)
		g, gctx := errgroup.WithContext(ctx)
		took := make([]time.Duration, 2)
		for i, server := range []string{eu.at(), us.at()} {
			g.Go(func() (err error) {
				took[i], err = lab.Await(gctx, server, fail, want)
				return err
			})
		}
		require.NoError(b, g.Wait())
		cancel()
		own, other = append(own, took[0]), append(other, took[1])
	}
	report(b, "own", own)
	report(b, "other", other)
}

// BenchmarkClusterLost measures from the kill of one of two clusters to the
// moment its addresses are gone from the other's answers.
func BenchmarkClusterLost(b *testing.B) {
	s := layOut(b)
	s.startEdge()
	eu, us := s.cluster("eu", 11), s.cluster("us", 12)
	if s.lab.NeedsPorts() {
		eu.peers, us.peers = []string{"us=" + us.at()}, []string{"eu=" + eu.at()}
	}
	for _, c := range []*cluster{eu, us} {
		c.write(gslb("roundrobin", rr, "roundRobin", ""))
		c.start()
	}
	all := s.addrs(111, 112, 121, 122)
	var lost, back []time.Duration
	for range b.N {
		s.await(us.at(), rr, all)
		s.await(eu.at(), rr, all)
		require.NoError(b, eu.process.Kill())
		lost = append(lost, s.await(us.at(), rr, s.addrs(121, 122)))
		eu.start() // "back" counts from the start of the process
		back = append(back, s.await(us.at(), rr, all))
		s.await(eu.at(), rr, all)
	}
	report(b, "lost", lost)
	report(b, "back", back)
}

// BenchmarkQuiet holds two clusters with 100 Gslbs each still and counts what
// happens all the same: API writes by kind, updates of the edge zone, CPU. It
// watches for MERIDIAN_QUIET_FOR (20s; docs/benchmarks.md has 5m).
func BenchmarkQuiet(b *testing.B) {
	length := 20 * time.Second
	if v := os.Getenv("MERIDIAN_QUIET_FOR"); v != "" {
		var err error
		length, err = time.ParseDuration(v)
		require.NoError(b, err)
	}
	s := newKubeSite(b, "eu", "us")
	const n = 100
	for _, c := range s.clusters {
		var all strings.Builder
		for i := range n {
			fmt.Fprintf(&all, "---\n%s", gslb(fmt.Sprintf("app%d", i), fmt.Sprintf("app%d.%s", i, lab.Zone), "roundRobin", ""))
		}
		c.apply(all.String())
	}
	for _, c := range s.clusters {
		for i := range n {
			s.await(c.at(), fmt.Sprintf("app%d.%s", i, lab.Zone), s.entries("eu", "us"))
		}
	}
	s.until("every status is written", func() bool {
		for _, c := range s.clusters {
			out := c.kubectl("-n", "demo", "get", "gslbs.gslb.meridian.dev", "-o", "jsonpath={.items[*].status.healthyClusters}")
			if strings.Count(out, "eu, us") != n {
				return false
			}
		}
		return true
	})
	pause(b, 10*time.Second) // coalesced writes, events and hourly beats of the start
	for range b.N {
		before, cpu, serial := s.writes(), s.cpu(), s.edgeSerial()
		pause(b, length)
		after := s.writes()
		gslbWrites, leaseWrites := 0, 0
		for k, v := range after {
			switch {
			case strings.HasSuffix(k, " leases"):
				leaseWrites += v - before[k]
			case v != before[k]:
				gslbWrites += v - before[k]
				b.Logf("written while quiet: %s ×%d", k, v-before[k])
			}
		}
		minutes := length.Minutes()
		b.ReportMetric(float64(gslbWrites)/minutes, "api-writes/min")
		b.ReportMetric(float64(leaseWrites)/minutes, "lease-writes/min")
		b.ReportMetric(float64(s.edgeSerial()-serial), "edge-updates")
		b.ReportMetric(100*float64(s.cpu()-cpu)/float64(length)/float64(len(s.clusters)), "%core/cluster")
	}
}

// pause lets time pass in which nothing is done.
func pause(b *testing.B, d time.Duration) {
	select {
	case <-time.After(d):
	case <-b.Context().Done():
	}
}

var requestTotal = regexp.MustCompile(`apiserver_request_total\{(.*)\} (\S+)`)

// writes counts write requests by cluster, verb and resource, as the API servers
// count them; the light node's and the API server's own are in there too, so
// only kinds that Meridian may write are looked at.
func (s *kubeSite) writes() map[string]int {
	out := map[string]int{}
	for tag, c := range s.clusters {
		for _, m := range requestTotal.FindAllStringSubmatch(c.kubectl("get", "--raw", "/metrics"), -1) {
			labels := m[1]
			verb, resource, scope := label(labels, "verb"), label(labels, "resource"), label(labels, "subresource")
			if !slices.Contains([]string{"POST", "PUT", "PATCH", "DELETE", "APPLY"}, verb) ||
				!slices.Contains([]string{"gslbs", "zonedelegations", "ingresses", "events", "leases", "services", "endpointslices"}, resource) {
				continue
			}
			v, err := strconv.ParseFloat(m[2], 64)
			require.NoError(s.t, err)
			out[strings.Join([]string{tag, verb, scope, resource}, " ")] += int(v)
		}
	}
	return out
}

func label(labels, name string) string {
	m := regexp.MustCompile(name + `="([^"]*)"`).FindStringSubmatch(labels)
	if m == nil {
		return ""
	}
	return m[1]
}

func (s *kubeSite) cpu() (sum time.Duration) {
	for _, c := range s.clusters {
		d, err := c.process.CPU()
		require.NoError(s.t, err)
		sum += d
	}
	return sum
}

func (s *kubeSite) edgeSerial() uint32 {
	m, err := lab.Ask(s.t.Context(), s.edgeAt, lab.EdgeZone, dns.TypeSOA)
	require.NoError(s.t, err)
	require.NotEmpty(s.t, m.Answer)
	return m.Answer[0].(*dns.SOA).Serial
}

// report adds the distribution of durations to the benchmark's line.
func report(b *testing.B, name string, ds []time.Duration) {
	slices.Sort(ds)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(ds[len(ds)/2]), name+"-p50-ms")
	b.ReportMetric(ms(ds[(len(ds)*99+99)/100-1]), name+"-p99-ms")
	b.ReportMetric(ms(ds[len(ds)-1]), name+"-max-ms")
}
