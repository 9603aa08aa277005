// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

func TestMetricsCountWhatHappened(t *testing.T) {
	reg := prometheus.NewRegistry()
	_, addr := dnstest.Serve(t, dnsserver.Config{Registerer: reg, Sockets: 2}, exampleTable(t))
	for range 3 {
		dnstest.Ask(t, addr, dnstest.Query{Name: "app." + zone, Type: dns.TypeA})
	}
	dnstest.Ask(t, addr, dnstest.Query{Name: "absent." + zone, Type: dns.TypeAAAA})
	dnstest.Ask(t, addr, dnstest.Query{Name: "many." + zone, Type: dns.TypeA})
	dnstest.Ask(t, addr, dnstest.Query{Name: "app." + zone, Type: 65280, TCP: true})
	c := dnstest.Dial(t, "udp", addr)
	for _, p := range []packet{header(0)[:11], ask(t, "app", dns.TypeA).flags(1 << 15), ask(t, "app", dns.TypeA).opt(1232, 1<<16)} {
		_, err := c.Conn.Write(p)
		require.NoError(t, err)
	}
	_, err := c.ReadMsg() // the last of them is answered
	require.NoError(t, err)

	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP meridian_dnsserver_queries_total Messages answered, by transport, type of the question and RCODE.
# TYPE meridian_dnsserver_queries_total counter
meridian_dnsserver_queries_total{qtype="A",rcode="BADVERS",transport="udp"} 1
meridian_dnsserver_queries_total{qtype="A",rcode="NOERROR",transport="udp"} 4
meridian_dnsserver_queries_total{qtype="AAAA",rcode="NXDOMAIN",transport="udp"} 1
meridian_dnsserver_queries_total{qtype="other",rcode="NOERROR",transport="tcp"} 1
# HELP meridian_dnsserver_truncated_total Answers over UDP that did not fit and said so (TC).
# TYPE meridian_dnsserver_truncated_total counter
meridian_dnsserver_truncated_total 1
# HELP meridian_dnsserver_panics_total Panics that were recovered; each is a bug.
# TYPE meridian_dnsserver_panics_total counter
meridian_dnsserver_panics_total 0
# HELP meridian_dnsserver_ready 1 when a table that is ready is served.
# TYPE meridian_dnsserver_ready gauge
meridian_dnsserver_ready 1
`), "meridian_dnsserver_queries_total", "meridian_dnsserver_truncated_total", "meridian_dnsserver_panics_total", "meridian_dnsserver_ready"))

	families, err := reg.Gather()
	require.NoError(t, err)
	dropped := map[string]float64{}
	for _, f := range families {
		if f.GetName() == "meridian_dnsserver_dropped_total" {
			for _, m := range f.GetMetric() {
				dropped[m.GetLabel()[0].GetValue()+" "+m.GetLabel()[1].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	assert.InDelta(t, 1, dropped["short udp"], 0)
	assert.InDelta(t, 1, dropped["response udp"], 0)
}

func TestMetricsFollowTheConventions(t *testing.T) {
	reg := prometheus.NewRegistry()
	dnstest.Serve(t, dnsserver.Config{Registerer: reg}, exampleTable(t))
	problems, err := testutil.GatherAndLint(reg)
	require.NoError(t, err)
	assert.Empty(t, problems)
}
