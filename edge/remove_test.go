// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/gslb"
)

func TestRemove(t *testing.T) {
	zone, parent := gslb.MustName(zoneName), gslb.MustName(edgeName)
	foreign := func() *edgetest.Zone {
		z := &edgetest.Zone{}
		z.Set(zoneName, edge.TypeNS, usServer+".")
		z.Set(usServer, edge.TypeA, "198.51.100.1")
		z.Set(usBeat, edge.TypeTXT, `"v=1"`)
		return z
	}
	t.Run("takes all that is ours, and only that", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			z := foreign()
			r, _ := start(t, z, "i1", "eu-id")
			r.tell(nil)
			require.NoError(t, r.keeper.Remove(t.Context(), zone, parent))
			assert.Equal(t, []string{usServer + "."}, z.Get(zoneName, edge.TypeNS))
			assert.Empty(t, z.Get(euServer, edge.TypeA))
			assert.Empty(t, z.Get(euServer, edge.TypeAAAA))
			assert.Empty(t, z.Get(euBeat, edge.TypeTXT))
			assert.Equal(t, []string{"198.51.100.1"}, z.Get(usServer, edge.TypeA))
			assert.Equal(t, []string{`"v=1"`}, z.Get(usBeat, edge.TypeTXT))
			assert.Empty(t, r.keeper.Status())
			n := len(z.Updates())
			r.tell(nil)
			pass(3 * time.Hour)
			assert.Len(t, z.Updates(), n, "it is not put back while Worlds still have it")
			require.NoError(t, r.keeper.Remove(t.Context(), zone, parent), "again is fine")
		})
	})
	t.Run("the heartbeat stays while another zone needs it", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			z := foreign()
			r, _ := start(t, z, "i1", "eu-id")
			r.tell(func(w *gslb.World) { w.Zones = append(w.Zones, intent("dev.example.com", edgeName, "192.0.2.1")) })
			r.tell(func(w *gslb.World) { w.Zones = w.Zones[1:] })
			require.NoError(t, r.keeper.Remove(t.Context(), zone, parent))
			_, ok := z.Beat(euBeat)
			assert.True(t, ok)
			assert.Empty(t, z.Get(euServer, edge.TypeA))
			assert.NotEmpty(t, z.Get("gslb-ns-eu-dev.example.com", edge.TypeA))
		})
	})
	t.Run("a zone that comes back is published again", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			z := foreign()
			r, _ := start(t, z, "i1", "eu-id")
			r.tell(nil)
			zones := r.world.Zones
			require.NoError(t, r.keeper.Remove(t.Context(), zone, parent))
			r.tell(func(w *gslb.World) { w.Zones = nil })
			r.tell(func(w *gslb.World) { w.Zones = zones })
			pass(2 * time.Second)
			assert.True(t, r.status().OK)
			_, ok := z.Beat(euBeat)
			assert.True(t, ok)
		})
	})
	t.Run("a wildcard in place of our glue is not ours", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			z := foreign()
			z.Wildcard(edge.TypeA, "192.0.2.99")
			r, _ := start(t, z, "i1", "eu-id")
			r.tell(nil)
			require.NoError(t, r.keeper.Remove(t.Context(), zone, parent))
			require.NoError(t, r.keeper.Remove(t.Context(), zone, parent))
			assert.Empty(t, z.Get(euServer, edge.TypeA))
		})
	})
	t.Run("glue that stays is told", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			z := foreign()
			r, _ := start(t, z, "i1", "eu-id")
			r.tell(nil)
			z.Set(zoneName, edge.TypeNS)
			z.Break(edgetest.Trouble{Ignore: true})
			assert.ErrorContains(t, r.keeper.Remove(t.Context(), zone, parent), "still serves it")
		})
	})
	t.Run("trouble is told", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			z := foreign()
			r, _ := start(t, z, "i1", "eu-id")
			r.tell(nil)
			for reason, trouble := range map[edge.Reason]edgetest.Trouble{
				edge.ReasonUnreachable: {Down: true}, edge.ReasonIgnored: {Ignore: true}, edge.ReasonRefused: {Refuse: "REFUSED"},
			} {
				z.Break(trouble)
				err := r.keeper.Remove(t.Context(), zone, parent)
				var e *edge.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, reason, e.Reason)
			}
		})
	})
	t.Run("a zone dropped without Remove stays in place", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			z := foreign()
			r, _ := start(t, z, "i1", "eu-id")
			r.tell(nil)
			n := len(z.Updates())
			r.tell(func(w *gslb.World) { w.Zones = nil })
			pass(3 * time.Hour)
			assert.Len(t, z.Updates(), n)
			assert.Empty(t, r.keeper.Status())
		})
	})
}
