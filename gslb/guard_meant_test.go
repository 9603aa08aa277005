// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

func TestARemovalThatWasHeldBeforeIsNotHeldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 40, hold)
		for i := range 15 {
			g.RemoveObjectAt(time.Now(), gslb.Source{Kind: "Gslb", Namespace: "default", Name: fmt.Sprint("app", i)})
		}
		g.want(t, "eu", 25, 0, "it is believed, though it is a mass")
		g.gone(15, 40)
		g.want(t, "eu", 25, 25, "what vanishes with it by accident is held")
	})
}

func TestOthersDoNotHoldWhatWasHeldHere(t *testing.T) {
	remove := func(g *guarded) {
		for i := range 15 {
			g.RemoveObjectAt(time.Now(), gslb.Source{Kind: "Gslb", Namespace: "default", Name: fmt.Sprint("app", i)})
		}
	}
	for _, c := range []struct {
		why  string
		gone func(g *guarded)
	}{
		{"by the guard of objects", remove},
		{"by the guard of hosts", func(g *guarded) {
			g.gone(0, 15)
			time.Sleep(hold + time.Second)
		}},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGuarded(t, 20, hold)
				require.False(t, g.World().OwnReport(zone).RemovalsMeant)
				c.gone(g)
				g.want(t, "eu", 5, 0, c.why)
				r := g.World().OwnReport(zone)
				assert.Len(t, r.Offers, 5)
				assert.True(t, r.RemovalsMeant, "the report that lacks them says that it is meant")
				time.Sleep(2 * time.Minute)
				settle()
				assert.False(t, g.World().OwnReport(zone).RemovalsMeant, "later ones are not")
			})
		})
	}
}
