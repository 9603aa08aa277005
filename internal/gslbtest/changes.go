// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// changes adds to some stories what people do to whole clusters. They have random
// numbers of their own, so that the faults of a seed stay what they are. Where an
// instance stands still for minutes nothing is added: what restarts it would end that.
func (g *generator) changes(r *rand.Rand) {
	if g.long {
		return
	}
	faults := g.Rand
	g.Rand = r
	defer func() { g.Rand = faults }()
	switch n := g.IntN(100); {
	case n < 12:
		g.relist()
	case n < 20:
		g.rotateOne()
	case n < 26:
		g.rotateAll()
	case n < 38:
		g.edgePair()
	}
}

// relist lets all objects of a cluster vanish and come back.
func (g *generator) relist() {
	i := g.IntN(len(g.clusters))
	c := g.clusters[i]
	for n := range 11 + g.IntN(5) {
		g.say("offer %s many%d.cloud.example.com roundRobin 198.51.100.%d", c, n, 20*i+n+1)
	}
	at := g.between(0, 30*time.Second)
	g.line(at, "vanish %s", c)
	g.line(at+g.lasting(), "return %s", c)
	g.last = append(g.last, "return "+c)
}

// edgePair gives the edge zone a second server, which falls behind and is read while
// the first is down.
func (g *generator) edgePair() {
	if g.edge != edgeUpdates {
		g.relist()
		return
	}
	g.say("edgezone second")
	at := g.between(0, 15*time.Second)
	g.line(at, "edgezone stale")
	for range 1 + g.IntN(4) {
		at += g.between(500*time.Millisecond, 8*time.Second)
		g.line(at, "edgezone down")
		at += g.lasting() / 2
		g.line(at, "edgezone up")
	}
	g.line(at+g.between(0, 20*time.Second), "edgezone fresh")
	g.last = append(g.last, "edgezone fresh")
	if g.chance(0.6) { // somebody is missed by then
		a, b := g.pair()
		g.line(g.between(0, 10*time.Second), "cut %s %s", a, b)
		again := g.between(12*time.Second, 25*time.Second)
		g.line(again, "kill %s", b)
		g.line(again+g.lasting(), "start %s", b)
	}
}

// roll gives the processes of a cluster other keys, one after another, and says when it is done.
func (g *generator) roll(at time.Duration, c, keys string) time.Duration {
	g.line(at, "keys %s %s", c, keys)
	for n := range g.size[c] {
		p := fmt.Sprintf("%s/%d", c, n+1)
		g.line(at, "announce %s pause", p)
		at += g.between(200*time.Millisecond, time.Second)
		g.line(at, "kill %s", p)
		at += g.between(300*time.Millisecond, 5*time.Second)
		g.line(at, "%s %s", g.startWord(), p)
		at += g.between(6*time.Second, 8*time.Second)
	}
	return at
}

// rotateOne gives one cluster a key that the others do not know, and takes it back.
func (g *generator) rotateOne() {
	c := g.one()
	at := g.roll(g.between(0, 20*time.Second), c, "new")
	g.roll(at+g.lasting(), c, "old")
	g.rekeyed("old", c)
}

// rotateAll gives all clusters a new key, first beside the old one.
func (g *generator) rotateAll() {
	at := g.between(0, 5*time.Second)
	for _, keys := range []string{"old,new", "new,old", "new"} {
		end := at
		for _, c := range g.clusters {
			end = max(end, g.roll(at+g.between(0, 3*time.Second), c, keys))
		}
		at = end
	}
	g.rekeyed("new", g.clusters...)
}

// rekeyed sees to it in the end that every process has its keys: a fault may have kept
// one from a restart.
func (g *generator) rekeyed(keys string, clusters ...string) {
	for _, c := range clusters {
		g.last = append(g.last, fmt.Sprintf("keys %s %s", c, keys), "rekey "+c)
	}
}
