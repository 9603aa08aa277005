// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
)

// Answers are counted by the clusters whose entries were in them, whatever the
// strategy, and go on being counted over Tables.
func TestAnswersAreCountedByCluster(t *testing.T) {
	worlds := dnstest.NewWorlds(t, zone)
	both := map[string][]string{"us": {"198.51.100.1"}}
	table := dnstest.Table(t, nil, worlds.Set(
		dnstest.Host{Name: "rr." + zone, Addrs: []string{"192.0.2.1"}, Others: both},
		dnstest.Host{Name: "one." + zone, Addrs: []string{"192.0.2.1"}, Others: both, Policy: gslb.Policy{Strategy: gslb.RoundRobin, MaxAnswers: 1}},
		dnstest.Host{Name: "fail." + zone, Addrs: []string{"192.0.2.1"}, Others: both, Policy: gslb.Policy{Strategy: gslb.Failover, Primary: "us"}},
	))
	reg := prometheus.NewRegistry()
	s := unserved(t, dnsserver.Config{Seed: 7, Registerer: reg})
	s.Publish(table)
	respond := dnsserver.Respond(s)
	ourOwn := 0
	for range 100 {
		out, _ := respond(nil, ask(t, "one", dns.TypeA), false)
		if out[len(out)-4] == 192 {
			ourOwn++
		}
		respond(nil, ask(t, "rr", dns.TypeA), false)
	}
	require.Greater(t, ourOwn, 20)
	s.Publish(dnstest.Table(t, table, worlds.Set(dnstest.Host{Name: "new." + zone, Addrs: []string{"192.0.2.9"}, Others: both})))
	for range 10 {
		respond(nil, ask(t, "fail", dns.TypeA), false)
		respond(nil, ask(t, "fail", dns.TypeAAAA), false)
		respond(nil, ask(t, "absent", dns.TypeA), false)
		respond(nil, ask(t, "", dns.TypeSOA), false)
		respond(nil, ask(t, "www.example.org.", dns.TypeA), false)
	}
	counted := func(name, label, value string) float64 {
		t.Helper()
		families, err := reg.Gather()
		require.NoError(t, err)
		for _, f := range families {
			for _, m := range f.GetMetric() {
				labels := map[string]string{}
				for _, l := range m.GetLabel() {
					labels[l.GetName()] = l.GetValue()
				}
				if f.GetName() == name && labels[label] == value {
					assert.Equal(t, strings.TrimSuffix(zone, "."), labels["zone"])
					return m.GetCounter().GetValue()
				}
			}
		}
		return -1
	}
	const byCluster, byKind = "meridian_dnsserver_cluster_answers_total", "meridian_dnsserver_zone_answers_total"
	assert.EqualValues(t, 100+ourOwn, counted(byCluster, "geo_tag", "eu"))
	assert.EqualValues(t, 100+100-ourOwn+10, counted(byCluster, "geo_tag", "us"))
	assert.EqualValues(t, 200+20, counted(byKind, "kind", "answer"), "apexes and failover")
	assert.EqualValues(t, 10, counted(byKind, "kind", "nodata"))
	assert.EqualValues(t, 10, counted(byKind, "kind", "nxdomain"))
	problems, err := testutil.GatherAndLint(reg)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

// What was truncated was not given out.
func TestTruncatedAnswersCountForNoCluster(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := unserved(t, dnsserver.Config{Registerer: reg})
	respond := dnsserver.Respond(s)
	out, _ := respond(nil, ask(t, "many", dns.TypeA), false)
	require.NotZero(t, out[2]&2, "TC")
	assert.Zero(t, clusterAnswers(t, reg))
	respond(nil, ask(t, "many", dns.TypeA), true)
	assert.EqualValues(t, 1, clusterAnswers(t, reg))
}

func clusterAnswers(t *testing.T, reg *prometheus.Registry) float64 {
	t.Helper()
	families, err := reg.Gather()
	require.NoError(t, err)
	sum := 0.0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "meridian_dnsserver_cluster_answers_total" {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// The time of an answer is sampled, the first of each socket and connection
// always.
func TestLatencyIsSampled(t *testing.T) {
	reg := prometheus.NewRegistry()
	_, addr := dnstest.Serve(t, dnsserver.Config{Registerer: reg, Sockets: 1}, exampleTable(t))
	for range 17 {
		dnstest.Ask(t, addr, dnstest.Query{Name: "app." + zone, Type: dns.TypeA})
	}
	dnstest.Ask(t, addr, dnstest.Query{Name: "app." + zone, Type: dns.TypeA, TCP: true})
	seen := func() map[string]uint64 {
		families, err := reg.Gather()
		require.NoError(t, err)
		got := map[string]uint64{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == "meridian_dnsserver_response_seconds" {
					got[m.GetLabel()[0].GetValue()] = m.GetHistogram().GetSampleCount()
				}
			}
		}
		return got
	}
	// An answer is read before the server has counted it.
	require.Eventually(t, func() bool { g := seen(); return g["udp"] == 2 && g["tcp"] == 1 }, time.Minute, time.Millisecond)
}

// Loops rest while nothing comes, and neither rest nor move when they have ended.
func TestLoopsTellWhetherTheyWait(t *testing.T) {
	s := unserved(t, dnsserver.Config{})
	require.NotEmpty(t, s.Loops())
	for _, l := range s.Loops() {
		_, idle := l.Progress()
		assert.True(t, idle, l.Name())
	}
}
