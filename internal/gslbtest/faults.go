// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"fmt"
	"time"
)

// fault adds one fault and its end.
func (g *generator) fault(at time.Duration) {
	kinds := []struct {
		weight int
		add    func(at, until time.Duration)
	}{
		{6, g.cut}, {3, g.cutFromAll}, {3, g.isolate}, {3, g.cutEdge}, {4, g.freeze}, {5, g.power},
		{4, g.killOne}, {3, g.restart}, {3, g.stall}, {3, g.blind}, {4, g.lossy}, {2, g.edgeDown}, {2, g.restore},
		{8, g.app}, {2, g.clock}, {1, g.leave}, {3, g.thenAgain}, {1, g.longStall},
	}
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	pick := g.IntN(total)
	for _, k := range kinds {
		if pick -= k.weight; pick < 0 {
			k.add(at, at+g.lasting())
			return
		}
	}
}

// lasting is how long a fault lasts: some are short, some outlast every threshold.
func (g *generator) lasting() time.Duration {
	switch {
	case g.chance(0.3):
		return g.between(300*time.Millisecond, 3*time.Second)
	case g.chance(0.6):
		return g.between(3*time.Second, 8*time.Second)
	}
	return g.between(8*time.Second, 30*time.Second)
}

func (g *generator) one() string { return g.clusters[g.IntN(len(g.clusters))] }

// process names one process of a cluster.
func (g *generator) process(c string) string { return fmt.Sprintf("%s/%d", c, 1+g.IntN(g.size[c])) }

func (g *generator) pair() (a, b string) {
	i := g.IntN(len(g.clusters))
	j := g.IntN(len(g.clusters) - 1)
	if j >= i {
		j++
	}
	return g.clusters[i], g.clusters[j]
}

func (g *generator) cut(at, until time.Duration) {
	a, b := g.pair()
	switch {
	case g.chance(0.7):
		g.line(at, "cut %s %s", a, b)
		g.line(until, "heal %s %s", a, b)
	case g.chance(0.5):
		g.line(at, "cut %s > %s", a, b)
		g.line(until, "heal %s > %s", a, b)
	default:
		g.line(at, "close %s > %s", a, b)
		g.line(until, "open %s > %s", a, b)
	}
}

func (g *generator) cutFromAll(at, until time.Duration) {
	c := g.one()
	for _, other := range g.clusters {
		if other != c {
			g.line(at, "cut %s %s", c, other)
			g.line(until, "heal %s %s", c, other)
		}
	}
}

// isolate cuts a cluster from everything: the others, edge, anchor and clients' world.
func (g *generator) isolate(at, until time.Duration) {
	c := g.one()
	for _, other := range append([]string{string(edgeSite), string(anchorSite), string(worldSite)}, g.clusters...) {
		if other != c {
			g.line(at, "cut %s %s", c, other)
			g.line(until, "heal %s %s", c, other)
		}
	}
}

func (g *generator) cutEdge(at, until time.Duration) {
	c := g.one()
	g.line(at, "cut %s %s", c, edgeSite)
	g.line(until, "heal %s %s", c, edgeSite)
}

func (g *generator) freeze(at, until time.Duration) {
	who := g.one()
	if g.chance(0.5) {
		who = g.process(who)
	}
	g.line(at, "freeze %s", who)
	g.line(until, "thaw %s", who)
}

// power takes a cluster away, machines and all.
func (g *generator) power(at, until time.Duration) {
	c := g.one()
	g.line(at, "kill %s", c)
	g.line(until, "%s %s", g.startWord(), c)
}

func (g *generator) startWord() string {
	if g.chance(0.5) {
		return "recall"
	}
	return "start"
}

func (g *generator) killOne(at, until time.Duration) {
	p := g.process(g.one())
	g.line(at, "kill %s", p)
	g.line(until, "%s %s", g.startWord(), p)
}

// restart rolls over the processes of a cluster, each announced.
func (g *generator) restart(at, _ time.Duration) {
	c := g.one()
	for n := range g.size[c] {
		p := fmt.Sprintf("%s/%d", c, n+1)
		g.line(at, "announce %s pause", p)
		at += g.between(200*time.Millisecond, time.Second)
		g.line(at, "kill %s", p)
		at += g.between(300*time.Millisecond, 9*time.Second)
		g.line(at, "%s %s", g.startWord(), p)
		at += g.between(6*time.Second, 8*time.Second)
	}
}

func (g *generator) stall(at, until time.Duration) {
	p := g.process(g.one())
	g.line(at, "stall %s", p)
	g.line(until, "unstall %s", p)
	g.appOf(p[:2], at+g.between(100*time.Millisecond, 2*time.Second))
}

// longStall lets every connection end at one instance, which then stands still for
// minutes.
func (g *generator) longStall(at, _ time.Duration) {
	c := g.one()
	if g.size[c] == 1 || g.long {
		g.app(at, at+g.lasting())
		return
	}
	g.long = true
	for n := 2; n <= g.size[c]; n++ {
		g.line(at, "kill %s/%d", c, n)
		g.line(at+6*time.Second, "start %s/%d", c, n)
	}
	at += g.between(8*time.Second, 12*time.Second)
	g.line(at, "stall %s/1", c)
	g.appOf(c, at+time.Second)
	g.line(at+3*time.Minute, "unstall %s/1", c)
}

func (g *generator) blind(at, until time.Duration) {
	c := g.one()
	g.line(at, "blind %s", c)
	g.line(until, "sighted %s", c)
}

func (g *generator) lossy(at, until time.Duration) {
	a, b := g.pair()
	if g.chance(0.2) && g.edge != edgeNone {
		b = string(edgeSite)
	}
	switch {
	case g.chance(0.6):
		g.line(at, "loss %s %s %.2f", a, b, 0.01+0.2*g.Float64())
		g.line(until, "loss %s %s 0", a, b)
	case g.chance(0.5):
		g.line(at, "twice %s %s %.2f", a, b, 0.1+0.6*g.Float64())
		g.line(until, "twice %s %s 0", a, b)
	default:
		g.line(at, "delay %s %s %v", a, b, g.between(50*time.Millisecond, 400*time.Millisecond))
		g.line(until, "delay %s %s 5ms", a, b)
	}
}

func (g *generator) edgeDown(at, until time.Duration) {
	if g.edge == edgeNone {
		g.app(at, until)
		return
	}
	g.line(at, "edgezone down")
	g.line(until, "edgezone up")
	g.restored = g.restored || g.chance(0.2)
}

// restore brings an old edge zone back.
func (g *generator) restore(at, _ time.Duration) {
	if g.edge != edgeUpdates || g.restored {
		g.app(at, at+g.lasting())
		return
	}
	g.restored = true
	if g.chance(0.5) {
		g.line(0, "edgezone save")
	}
	g.line(at, "edgezone restore")
}

func (g *generator) app(at, until time.Duration) {
	c := g.one()
	down := g.appOf(c, at)
	g.line(until, "up %s %s", c, down)
}

// appOf takes an application of a cluster down.
func (g *generator) appOf(c string, at time.Duration) string {
	for i, tag := range g.clusters {
		if tag == c {
			addr := address(i, 1+g.IntN(3))
			g.line(at, "down %s %s", c, addr)
			return addr
		}
	}
	return ""
}

// clock steps the wall clock of a cluster and back.
func (g *generator) clock(at, until time.Duration) {
	c := g.one()
	if g.skewed[c] {
		return
	}
	g.skewed[c] = true
	d := []time.Duration{2 * time.Second, 100 * time.Second, 400 * time.Second}[g.IntN(3)]
	if g.chance(0.5) {
		d = -d
	}
	g.line(at, "clock %s %v", c, d)
	g.line(until, "clock %s %v", c, -d)
}

// leave lets a cluster say goodbye, go, and come back.
func (g *generator) leave(at, until time.Duration) {
	c := g.one()
	g.line(at, "announce %s leave", c)
	g.line(at+2*time.Second, "kill %s", c)
	g.line(max(until, at+10*time.Second), "start %s", c)
}

// thenAgain lets a second fault follow hard upon the end of a first: what was said
// of the first must not be believed about the second.
func (g *generator) thenAgain(at, until time.Duration) {
	c := g.one()
	g.line(at, "freeze %s", c)
	until = min(until, at+12*time.Second)
	g.line(until, "thaw %s", c)
	again := until + g.between(200*time.Millisecond, 4*time.Second)
	g.line(again, "kill %s", c)
	g.line(again+g.lasting(), "start %s", c)
}
