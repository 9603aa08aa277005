// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
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
		replicas bool
		why      string
	}{
		{"a Deployment behind a load balancer", "deployment/meridian", []string{"replicas=2"}, true,
			"glue is the load balancer's address, and peers reach any of the replicas by it"},
		{"a DaemonSet on port 53 of the nodes", "daemonset/meridian", []string{"kind=DaemonSet", "hostNetwork=true", "dns.addresses={NODE}"}, false,
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
			if !variant.replicas { // replicas of one cluster do not know each other yet, and an alarm names one of them
				w.linkCut("shop." + zone)
			}
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
		assert.Contains(w.t, w.get(ctx, "edge", host, address+":80"), "eu "+host, "the answer leads to the application")
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
		w.calm()
		since := time.Now()
		require.NoError(w.t, fault.begin())
		w.await(fault.name, host, "us", since)
		since = time.Now()
		require.NoError(w.t, fault.heal())
		w.await(fault.end, host, "eu", since)
	}
}

// linkCut is two clusters that do not hear each other, while everybody else hears both.
func (w *nodesWorld) linkCut(host string) {
	w.t.Helper()
	ctx := w.t.Context()
	w.calm()
	since := time.Now()
	require.NoError(w.t, w.set.Cut(ctx, "eu", "us"))
	w.eventually(func(ctx context.Context) bool { return w.vouched(ctx, "us", "eu") && w.vouched(ctx, "eu", "us") },
		func() string { return "the clusters do not vouch for each other by their alarms" })
	w.t.Logf("link between the clusters cut: both vouched after %d ms", time.Since(since).Milliseconds())
	assert.Equal(w.t, w.entries("eu"), w.addresses(ctx, host), "a cut between two clusters that are alive changes no answer")
	require.NoError(w.t, w.set.Heal(ctx, "eu", "us"))
	w.calm()
}

// calm waits until no cluster misses another in its heartbeat at the edge: an
// alarm of the last fault would vouch in the next.
func (w *nodesWorld) calm() {
	w.t.Helper()
	var seen string
	w.eventually(func(ctx context.Context) bool {
		seen = ""
		for _, tag := range []string{"eu", "us"} {
			for _, rr := range w.query(ctx, "gslb-heartbeat-"+tag+".example.com", dns.TypeTXT) {
				seen += rr.String() + "\n"
			}
		}
		return strings.Count(seen, "interval=3600") == 2 && !strings.Contains(seen, "missed=")
	}, func() string { return "alarms at the edge: " + seen })
}

// vouched says whether every Pod of Meridian in a cluster vouches for another cluster.
func (w *nodesWorld) vouched(ctx context.Context, cluster, other string) bool {
	pods := strings.Fields(w.kubectl(cluster, "--namespace=meridian", "get", "pods",
		"--selector=app.kubernetes.io/component=server", "--output=jsonpath={.items[*].status.podIP}"))
	for _, ip := range pods {
		metrics := w.get(ctx, cluster, "", ip+":8080/metrics")
		if !strings.Contains(metrics, fmt.Sprintf("meridian_gslb_cluster_liveness{geo_tag=%q,liveness=\"vouched\"} 1\n", other)) {
			return false
		}
	}
	return len(pods) > 0
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
