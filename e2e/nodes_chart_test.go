// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestChartOnRealNodes installs the chart with this source's image as a user
// does, in two clusters of real nodes, and fails over in every way. The times that
// it took are logged, not asserted.
func TestChartOnRealNodes(t *testing.T) {
	world := newNodesWorld(t)
	for i, variant := range []struct {
		name     string
		workload string
		values   []string
		why      string
	}{
		{"a Deployment behind a load balancer", "deployment/meridian", []string{"replicas=2"},
			"glue is the load balancer's address, and peers reach any of the replicas by it"},
		{"a DaemonSet on port 53 of the nodes", "daemonset/meridian", []string{"kind=DaemonSet", "hostNetwork=true", "dns.addresses={NODE}"},
			"without a load balancer the nodes are the name servers"},
	} {
		t.Run(variant.name, func(t *testing.T) {
			t.Log(variant.why)
			w := &nodesWorld{t: t, set: world.set, secret: world.secret}
			zone := fmt.Sprintf("cloud%d.example.com", i+1)
			began := time.Now()
			w.install(zone, variant.values...)
			for _, cluster := range []string{"eu", "us"} {
				w.kubectl(cluster, "--namespace=meridian", "rollout", "status", variant.workload, "--timeout=3m")
			}
			t.Logf("installed and ready in both clusters after %.1f s", time.Since(began).Seconds())
			w.story("shop."+zone, "shop")
			w.linkCut("shop." + zone)
			w.uninstall("shop")
		})
	}
}

// story is a failover for each reason there is, and the way back.
func (w *nodesWorld) story(host, namespace string) {
	w.t.Helper()
	ctx := w.t.Context()
	since := time.Now()
	for _, cluster := range []string{"eu", "us"} {
		w.apply(cluster, "app.yaml", "CLUSTER", cluster, "HOST", host, "NAMESPACE", namespace)
	}
	w.await("applied", host, "eu", since)
	for _, address := range w.entries("eu") {
		got := ""
		w.eventually(func(ctx context.Context) bool {
			got = w.get(ctx, "edge", host, address+":80")
			return strings.Contains(got, "eu "+host)
		}, func() string { return "the answer leads to the application, not to " + got })
	}

	scale := func(replicas string) {
		w.kubectl("eu", "--namespace="+namespace, "scale", "deployment/web", "--replicas="+replicas)
	}
	since = time.Now()
	scale("0")
	w.await("primary scaled to 0", host, "us", since)
	since = time.Now()
	scale("2")
	w.await("primary scaled to 2", host, "eu", since)

	for _, fault := range []struct {
		name, end string
		begin     func() error
		heal      func() error
	}{
		{"whole site frozen", "thawed", func() error { return w.set.Freeze(ctx, "eu") }, func() error { return w.set.Thaw(ctx, "eu") }},
		{"whole site cut off", "healed", func() error { return w.set.Cut(ctx, "eu", "") }, func() error { return w.set.Heal(ctx, "eu", "") }},
		{"whole site without power", "started", func() error { return w.set.Stop(ctx, "eu") }, func() error { return w.set.Start(ctx, "eu") }},
	} {
		w.both("fresh") // the last fault is over for everybody
		since := time.Now()
		require.NoError(w.t, fault.begin())
		w.await(fault.name, host, "us", since)
		since = time.Now()
		require.NoError(w.t, fault.heal())
		w.await(fault.end, host, "eu", since)
	}
}

// linkCut is two clusters that do not hear each other, while everybody else hears
// both: they see each other's alarms at the edge, and no replica changes an answer.
func (w *nodesWorld) linkCut(host string) {
	w.t.Helper()
	ctx := w.t.Context()
	w.both("fresh")
	w.steady(host)
	changes := w.changes("us")
	since := time.Now()
	require.NoError(w.t, w.set.Cut(ctx, "eu", "us"))
	w.both("vouched")
	w.t.Logf("link between the clusters cut: all vouched after %d ms", time.Since(since).Milliseconds())
	var got []string
	w.eventually(func(ctx context.Context) bool { got = w.addresses(ctx, host); return len(got) > 0 }, func() string { return "no answer" })
	assert.Equal(w.t, w.entries("eu"), got)
	assert.Equal(w.t, changes, w.changes("us"), "no replica changes an answer")
	require.NoError(w.t, w.set.Heal(ctx, "eu", "us"))
	w.both("fresh")
}

// steady waits until eu answers and no replica in either cluster has changed an answer for
// a while: pods of a site that has power again are ready as they were before, then restart.
func (w *nodesWorld) steady(host string) {
	w.t.Helper()
	var last, got []string
	still := 0
	w.eventually(func(ctx context.Context) bool {
		now := slices.Concat(w.metrics(ctx, "eu", answerChanges), w.metrics(ctx, "us", answerChanges))
		got = w.addresses(ctx, host)
		if !slices.Equal(now, last) || !slices.Equal(got, w.entries("eu")) {
			last, still = now, 0
		}
		still++
		return still > 50
	}, func() string { return "the answers go on changing; now " + strings.Join(got, " ") })
}

// answerChanges is how often a replica has changed an answer.
const answerChanges = "meridian_gslb_answer_changes_total "

// changes gives how often each replica in a cluster has changed an answer.
func (w *nodesWorld) changes(cluster string) (all []string) {
	w.t.Helper()
	w.eventually(func(ctx context.Context) bool {
		all = w.metrics(ctx, cluster, answerChanges)
		return !slices.Contains(all, "")
	}, func() string { return "a replica does not tell its metrics" })
	return all
}

// both waits until every replica in either cluster sees the other cluster so.
func (w *nodesWorld) both(state string) {
	w.t.Helper()
	w.eventually(func(ctx context.Context) bool {
		return w.liveness(ctx, "us", "eu", state) && w.liveness(ctx, "eu", "us", state)
	}, func() string { return "a replica does not take the other cluster for " + state })
}

// liveness says whether every Pod of Meridian in a cluster sees another cluster so.
func (w *nodesWorld) liveness(ctx context.Context, cluster, other, state string) bool {
	want := fmt.Sprintf("meridian_gslb_cluster_liveness{geo_tag=%q,liveness=%q} ", other, state)
	all := w.metrics(ctx, cluster, want)
	return len(all) > 0 && !slices.ContainsFunc(all, func(line string) bool { return line != want+"1" })
}

// metrics returns the line of each Pod of Meridian that begins so, "" without one.
func (w *nodesWorld) metrics(ctx context.Context, cluster, prefix string) []string {
	w.t.Helper()
	var all []string
	for _, ip := range strings.Fields(w.kubectl(cluster, "--namespace=meridian", "get", "pods", "--sort-by=metadata.name",
		"--selector=app.kubernetes.io/component=server", "--output=jsonpath={.items[*].status.podIP}")) {
		found := ""
		for line := range strings.Lines(w.get(ctx, cluster, "", ip+":8080/metrics")) {
			if strings.HasPrefix(line, prefix) {
				found = strings.TrimSpace(line)
			}
		}
		all = append(all, found)
	}
	return all
}

// uninstall removes the application and the release, and waits until they are gone.
func (w *nodesWorld) uninstall(namespace string) {
	w.t.Helper()
	for _, cluster := range []string{"eu", "us"} {
		w.kubectl(cluster, "delete", "namespace", namespace, "--wait", "--timeout=2m")
		w.helm(cluster, "uninstall", "meridian", "--wait")
		w.kubectl(cluster, "delete", "namespace", "meridian", "--wait", "--timeout=2m")
	}
}
