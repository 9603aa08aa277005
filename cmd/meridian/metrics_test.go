// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"github.com/meridian-gslb/meridian/config"
	"github.com/meridian-gslb/meridian/gslb"
)

// everything registers the metrics of every part that a process can have, those of
// files and of Kubernetes beside each other. The parts have ended before it returns.
func everything(t *testing.T) *prometheus.Registry {
	t.Helper()
	key := t.TempDir() + "/key"
	require.NoError(t, os.WriteFile(key, []byte("c2l4dGVlbi1vY3RldHMtYW5kLW1vcmUtb2YtaXQhIQ==\n"), 0o600))
	cfg := config.Default()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	cfg.Bind(fs)
	require.NoError(t, fs.Parse([]string{
		"--geo-tag", "eu", "--zone", "cloud.example.com", "--edge-zone", "example.com", "--dns-listen", "127.0.0.1:0",
		"--metrics-listen", "", "--probe-listen", "", "--manifests", t.TempDir(), "--state-dir", t.TempDir(), "--log-level", "error",
		"--edge-dns", "127.0.0.1:1", "--edge-tsig-key", "edge:hmac-sha256:" + key, "--peer-tsig-key", "peers:hmac-sha256:" + key,
		"--transfer-tsig-key", "secondaries:hmac-sha256:" + key, "--update-tsig-key", "acme:hmac-sha256:" + key,
	}))
	s, err := cfg.Settings()
	require.NoError(t, err)
	ended, end := context.WithCancel(t.Context())
	end()
	group, ctx := errgroup.WithContext(ended)
	p := &process{settings: s, log: newLogger(s), registry: prometheus.NewRegistry(), instance: "test", slow: newSlowPath(), group: group, ctx: ctx}
	require.NoError(t, p.registerCommon())
	require.NoError(t, p.listen(t.Context()))
	require.NoError(t, p.start(source{clusterID: "id"}, nil))
	idle, err := gslb.NewStore(gslb.Config{Self: s.Self, ClusterID: "id"}) // observers are added before a store runs
	require.NoError(t, err)
	require.NoError(t, p.addControllers(idle, source{rest: &rest.Config{Host: "http://127.0.0.1:1"}, namespace: "meridian"}, nil, nil))
	require.NoError(t, group.Wait())
	return p.registry
}

// metric is a line of the page.
type metric struct {
	name, kind, help string
	labels           []string
}

var description = regexp.MustCompile(`^Desc\{fqName: "([^"]*)", help: "(.*?)"(?:, unit: "[^"]*")?, constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)

// histograms that have no series before something happened.
var histograms = []string{"meridian_edge_request_seconds", "meridian_healthcheck_probe_seconds"}

// metricsOf reads everything that is registered, by name.
func metricsOf(t *testing.T, reg *prometheus.Registry) []metric {
	t.Helper()
	kinds := map[string]string{}
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, f := range families {
		kinds[f.GetName()] = strings.ToLower(f.GetType().String())
	}
	descs := make(chan *prometheus.Desc, 1000)
	reg.Describe(descs)
	close(descs)
	var all []metric
	for d := range descs {
		m := description.FindStringSubmatch(d.String())
		require.NotNil(t, m, "%s", d)
		if !strings.HasPrefix(m[1], "meridian_") {
			continue
		}
		one := metric{name: m[1], help: strings.ReplaceAll(m[2], `\"`, `"`), kind: kinds[m[1]]}
		for _, pair := range strings.Split(m[3], ",") {
			if name, _, ok := strings.Cut(pair, "="); ok {
				one.labels = append(one.labels, name)
			}
		}
		if m[4] != "" {
			one.labels = append(one.labels, strings.Split(m[4], ",")...)
		}
		if one.kind == "" {
			one.kind = "gauge"
			switch {
			case strings.HasSuffix(one.name, "_total"):
				one.kind = "counter"
			case slices.Contains(histograms, one.name):
				one.kind = "histogram"
			}
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b metric) int { return strings.Compare(a.name, b.name) })
	return all
}

// parts are the packages that metrics are named for, and what they tell of.
var parts = []struct{ prefix, title, about string }{
	{"meridian_gslb_", "What is known, and what is answered", "Of the World: every cluster's state, every host's; the time from an event to the answers."},
	{"meridian_answers_", "The table", "Decisions, packed for the DNS server."},
	{"meridian_dnsserver_", "DNS", "Questions and answers. No label holds a name that somebody asked for."},
	{"meridian_zoneout_", "Zone transfers", "Only with `--transfer-tsig-key` or `--transfer-allow`."},
	{"meridian_update_", "Dynamic updates", "Only with `--update-tsig-key`."},
	{"meridian_peers_", "Between clusters", "The exchange of reports."},
	{"meridian_edge_", "The edge zone", "The delegation and the heartbeat. `edge` is the edge zone."},
	{"meridian_healthcheck_", "Probes", "Probes of this cluster's entries, and entry checks of silent clusters."},
	{"meridian_controllers_", "Kubernetes", "Only where objects are read from the Kubernetes API."},
	{"meridian_files_", "Manifests", "Only with `--manifests`."},
	{"meridian_health_", "The process", "What `/healthz` looks at."},
	{"meridian_", "What runs here", "Beside these there are the usual `go_…` and `process_…`."},
}

func metricsPage(all []metric) string {
	var b strings.Builder
	b.WriteString(`# Metrics

<!-- Generated from what is registered by make generate. -->

Every process serves these at ` + "`/metrics`" + ` of ` + "`--metrics-listen`" + ` (:8080). Names are ` + "`meridian_<package>_<thing>_<unit>`" + `; labels are
bounded: a cluster is always ` + "`geo_tag`" + `, and no label comes from what somebody asks or writes. A series with labels appears
with the first thing that it counts, unless its labels are a closed list. What to look at when something is wrong is in
[Operations](operations.md).
`)
	rest := slices.Clone(all)
	for _, p := range parts {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n", p.title, p.about)
		rest = slices.DeleteFunc(rest, func(m metric) bool {
			if !strings.HasPrefix(m.name, p.prefix) {
				return false
			}
			labels := ""
			if len(m.labels) > 0 {
				labels = "`" + strings.Join(m.labels, "`, `") + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, m.kind, labels, strings.ReplaceAll(m.help, "|", `\|`))
			return true
		})
	}
	return b.String()
}

// TestMetricsPage compares docs/metrics.md with what is registered.
func TestMetricsPage(t *testing.T) {
	const page = "../../docs/metrics.md"
	want := metricsPage(metricsOf(t, everything(t)))
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o600))
	}
	got, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, want, string(got), "run: make generate")
}

// TestMetricsFollowTheConventions holds names, types and labels to the rules of
// Prometheus and to ours.
func TestMetricsFollowTheConventions(t *testing.T) {
	reg := everything(t)
	problems, err := testutil.GatherAndLint(reg)
	require.NoError(t, err)
	assert.Empty(t, problems)
	known := []string{
		"code", "edge", "edge_provider", "entry_check", "geo_tag", "go_version", "instance_id", "kind", "limit", "liveness", "method", "name_server", "peer_key",
		"platform", "qtype", "rcode", "reason", "result", "severity", "side", "source", "state", "status", "transport", "type", "version",
		"what", "witness", "zone",
	}
	for _, m := range metricsOf(t, reg) {
		assert.Regexp(t, `^meridian_[a-z0-9_]+$`, m.name)
		assert.Equal(t, strings.HasSuffix(m.name, "_total"), m.kind == "counter", "%s is a %s", m.name, m.kind)
		assert.True(t, strings.HasSuffix(m.help, "."), "%s: a help text is a sentence", m.name)
		for _, l := range m.labels {
			assert.Contains(t, known, l, "%s: a label that nobody knows; is it bounded?", m.name)
		}
	}
}
