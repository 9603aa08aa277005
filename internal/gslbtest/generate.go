// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// warmUp is how long a generated story waits before the invariants are held.
const warmUp = 7 * time.Second

// tags are the clusters of generated stories.
var tags = []string{"ap", "eu", "me", "sa", "us"}

// Generate makes the story of a seed: a stage, faults that overlap, their ends, and
// the question whether all agree in the end. Equal seeds give equal stories.
func Generate(seed uint64) Story {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0x6d657269))} //nolint:gosec // a simulation repeats itself
	g.stage(seed)
	g.faults()
	g.changes(rand.New(rand.NewPCG(seed, 0x6368616e6765))) //nolint:gosec // as above
	return g.story()
}

// generator makes one story.
type generator struct {
	*rand.Rand
	head     []string
	clusters []string
	size     map[string]int
	edge     string
	lines    []timed
	end      time.Duration // of the last fault
	skewed   map[string]bool
	restored bool
	alone    bool     // instances do not know each other
	long     bool     // an instance stands still for minutes
	last     []string // lines that end what changes brought
}

// timed is a line and when it comes, after the warm-up.
type timed struct {
	at   time.Duration
	text string
}

func (g *generator) say(format string, args ...any) {
	g.head = append(g.head, fmt.Sprintf(format, args...))
}

func (g *generator) line(at time.Duration, format string, args ...any) {
	g.lines = append(g.lines, timed{at, fmt.Sprintf(format, args...)})
	g.end = max(g.end, at)
}

// chance is true with a probability.
func (g *generator) chance(p float64) bool { return g.Float64() < p }

func (g *generator) between(low, high time.Duration) time.Duration {
	return (low + time.Duration(g.Float64()*float64(high-low))).Round(10 * time.Millisecond)
}

// stage sets what does not change.
func (g *generator) stage(seed uint64) {
	g.skewed = map[string]bool{}
	n := 2
	for _, p := range []float64{0.5, 0.2, 0.15} {
		if !g.chance(p) {
			break
		}
		n++
	}
	g.clusters = slices.Clone(tags)
	g.Shuffle(len(tags), func(i, j int) { g.clusters[i], g.clusters[j] = g.clusters[j], g.clusters[i] })
	g.clusters = g.clusters[:n]
	g.say("seed %d", seed)
	g.edge = edgeUpdates
	if g.chance(0.3) {
		g.edge = []string{edgeNone, edgeObjects}[g.IntN(2)]
		g.say("edge %s", g.edge)
	}
	if g.chance(0.4) {
		g.say("entrycheck off")
	}
	if g.chance(0.3) {
		g.say("anchor on")
	}
	if g.chance(0.2) {
		g.alone = true
		g.say("replicas off")
	}
	g.size = map[string]int{}
	for _, c := range g.clusters {
		g.size[c] = 1
		if n < 4 && g.chance(0.35) {
			g.size[c] = 2 + g.IntN(2)
			g.say("instances %s %d", c, g.size[c])
		}
	}
	for i, a := range g.clusters {
		for _, b := range g.clusters[:i] {
			if g.chance(0.5) {
				g.say("delay %s %s %v", a, b, g.between(2*time.Millisecond, 120*time.Millisecond))
			}
		}
	}
	g.say("cluster %s", strings.Join(g.clusters, " "))
	policy := "primary=" + g.clusters[0]
	if g.chance(0.4) {
		policy = "order=" + strings.Join(g.clusters, ",")
	}
	for i, c := range g.clusters {
		g.say("offer %s app.cloud.example.com failover %s %s", c, policy, address(i, 1))
		if i == 0 || g.chance(0.85) {
			g.say("offer %s web.cloud.example.com roundRobin %s %s", c, address(i, 2), address(i, 3))
		}
	}
}

func address(cluster, n int) string { return fmt.Sprintf("192.0.2.%d", 10*(cluster+1)+n) }

// faults lets things go wrong, some of them while others are.
func (g *generator) faults() {
	at := time.Duration(0)
	for range 2 + g.IntN(5) {
		switch {
		case g.chance(0.3):
			at += g.between(100*time.Millisecond, 2500*time.Millisecond)
		case g.chance(0.5):
			at += g.between(2*time.Second, 8*time.Second)
		default:
			at += g.between(8*time.Second, 20*time.Second)
		}
		g.fault(at)
	}
}

// story puts the lines in order and ends everything.
func (g *generator) story() Story {
	out := append(Story(g.head), fmt.Sprintf("advance %v", warmUp), "watch")
	slices.SortStableFunc(g.lines, func(a, b timed) int { return cmp.Compare(a.at, b.at) })
	now := time.Duration(0)
	for _, l := range g.lines {
		if l.at > now {
			out = append(out, fmt.Sprintf("advance %v", l.at-now))
			now = l.at
		}
		out = append(out, l.text)
	}
	out = append(out, fmt.Sprintf("advance %v", g.between(200*time.Millisecond, 6*time.Second)), "heal all")
	if g.edge != edgeNone {
		out = append(out, "edgezone up")
	}
	for i, c := range g.clusters {
		out = append(out, "sighted "+c, "thaw "+c, "unstall "+c, "start "+c,
			fmt.Sprintf("up %s %s %s %s", c, address(i, 1), address(i, 2), address(i, 3)))
	}
	out = append(out, g.last...)
	if !g.alone || !g.restored { // else an instance may have to find the others at the edge
		out = append(out, "agree 20s")
	}
	return append(out, "agree 100s edge") // the edge is read again every minute
}
