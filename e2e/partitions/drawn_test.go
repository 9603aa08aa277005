// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Of a schedule of faults that is drawn. An alarm vouches for three intervals of 5 s, so a
// cluster that dies while it does is answered so much longer.
const (
	seedEnv     = "MERIDIAN_SEED"
	defaultSeed = 1
	steps       = 10
	drawnBound  = 15*time.Second + lostWithin
)

// drawn is a world with faults that were drawn.
type drawn struct {
	*world
	rand *rand.Rand
	lost *cluster // whole, or its Meridian; one at a time
	end  func()   // of that
	edge bool     // it is away
}

// TestDrawnFaults holds what must hold whatever fails: every question that can be answered
// is, never with nothing, never long with what does not serve; serials do not fall, records of
// others stay; all are equal in the end. MERIDIAN_SEED draws other faults.
func TestDrawnFaults(t *testing.T) {
	seed := uint64(defaultSeed)
	if text := os.Getenv(seedEnv); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
		seed = n
	}
	w := newWorld(t, plan{clusters: []string{"eu", "us", "ap"}, prepare: func(w *world) {
		for _, c := range w.clusters {
			c.keeps = true
		}
	}})
	w.seen.bound = drawnBound
	d := &drawn{world: w, rand: rand.New(rand.NewPCG(seed, 0))}
	for range steps {
		d.step()
		w.pass(time.Duration(500+d.rand.IntN(5000)) * time.Millisecond)
	}
	d.recover()
	since := time.Now()
	w.healLinks()
	if d.edge {
		w.edge.start()
	}
	w.told("all well → all equal", w.seen.equal(since))
	w.settle()
	w.seen.judge(steps, steps)
}

// step draws one fault, or the end of some.
func (d *drawn) step() {
	d.t.Helper()
	a := d.clusters[d.rand.IntN(len(d.clusters))]
	b := d.clusters[d.rand.IntN(len(d.clusters))]
	said := func(what string, of ...string) {
		d.t.Helper()
		d.t.Logf("%s %s %v", time.Now().Format("15:04:05.000"), what, of)
	}
	switch n := d.rand.IntN(12); {
	case n < 2 && a != b:
		said("cut", a.tag, b.tag)
		d.cut(a.space, b.space)
	case n == 2 && a != b:
		said("packets refused", a.tag, b.tag)
		d.refusePackets(a.space, b.space)
	case n == 3 && a != b:
		said("connections refused", a.tag, b.tag)
		d.refuseConnections(a.space, b.space)
	case n == 4:
		said("cut from the edge", a.tag)
		d.cut(a.space, d.world.edge.space)
	case n == 5 && a != b:
		said("loss", a.tag, b.tag)
		d.lose(30, a.space, b.space)
	case n == 6 && !d.edge:
		said("edge killed")
		require.NoError(d.t, d.world.edge.process.Kill())
		d.edge = true
	case n == 7 && d.edge:
		said("edge starts")
		d.world.edge.start()
		d.edge = false
	case n < 10 && d.lost == nil:
		d.lose1(a, said)
	case d.lost != nil:
		said("back", d.lost.tag)
		d.recover()
	default:
		said("links heal")
		d.healLinks()
	}
}

// lose1 loses a cluster in one of several ways.
func (d *drawn) lose1(c *cluster, said func(string, ...string)) {
	d.t.Helper()
	d.lost = c
	d.seen.leave(c.instances...)
	switch d.rand.IntN(4) {
	case 0:
		said("frozen, with its application", c.tag)
		frozen.begin(c)
		c.setServes(false)
		d.end = func() { c.setServes(true); frozen.end(c) }
	case 1:
		said("unplugged", c.tag)
		pulled.begin(c)
		c.setServes(false)
		d.end = func() { c.setServes(true); pulled.end(c) }
	case 2:
		said("Meridian frozen", c.tag)
		require.NoError(d.t, c.one().process.Freeze())
		d.end = func() { require.NoError(d.t, c.one().process.Thaw()) }
	default:
		said("Meridian killed", c.tag)
		require.NoError(d.t, c.one().process.Kill())
		d.end = c.one().start
	}
}

// recover gets the lost cluster back.
func (d *drawn) recover() {
	d.t.Helper()
	if d.lost == nil {
		return
	}
	d.end()
	d.seen.back(d.lost.instances...)
	d.lost, d.end = nil, nil
}
