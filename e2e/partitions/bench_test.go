// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/internal/lab"
)

// BenchmarkLocalChange is the time from a change of eu's own objects to its own answer,
// with one host and with a thousand, while us lives and after it died: a dead peer adds
// nothing.
func BenchmarkLocalChange(b *testing.B) {
	for _, count := range []int{1, 1000} {
		for _, alive := range []bool{true, false} {
			name := map[bool]string{true: "peer lives", false: "peer is dead"}[alive]
			b.Run(fmt.Sprintf("%d hosts, %s", count, name), func(b *testing.B) { localChange(b, count, alive) })
		}
	}
}

const own = "own." + lab.Zone

func localChange(b *testing.B, count int, alive bool) {
	w := newWorldUnwatched(b, plan{clusters: []string{"eu", "us"}, prepare: func(w *world) {
		for _, c := range w.clusters {
			var all []string
			for i := range count - 1 {
				all = append(all, c.objects(fmt.Sprintf("many-%d", i), fmt.Sprintf("many-%d.%s", i, lab.Zone), "roundRobin", ""))
			}
			c.file("many.yaml", strings.Join(all, "---\n"))
		}
		eu := w.of("eu")
		eu.file("own.yaml", strings.ReplaceAll(eu.objects("own", own, "roundRobin", ""), "name: app", "name: own"))
		eu.turnOwn(true)
	}})
	eu, us := w.of("eu"), w.of("us")
	if !alive {
		killed.begin(us)
		w.until("us is lost", func() bool { return eu.one().liveness("us") == "lost" })
	}
	a := w.client.asker(eu.one().at())
	var took []time.Duration
	for n := 0; b.Loop(); n++ {
		ready := n%2 == 1
		want := map[bool]string{true: w.entries("eu"), false: "NODATA"}[ready]
		since := time.Now()
		eu.turnOwn(ready)
		w.soon(func() bool { return show(a.ask(b.Context(), own, dns.TypeA, answerTime)) == want })
		took = append(took, time.Since(since))
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds()*1000, "p50-ms")
	b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "p99-ms")
	w.end() // before the next one
}

// turnOwn turns the backends of the host that the cluster has alone.
func (c *cluster) turnOwn(ready bool) {
	c.file("own-app.yaml", strings.NewReplacer("name: app-1", "name: own-1", "name: app", "name: own", "service-name: app", "service-name: own").Replace(backend(ready)))
}

// soon asks every millisecond until the answer is yes.
func (w *world) soon(f func() bool) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !f() {
		<-tick.C
	}
}
