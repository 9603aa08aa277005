// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
)

// half is an edge zone of which one half fails: it cannot be read, takes no updates, or
// takes them and its answer is lost on the way.
type half struct {
	*edgetest.Zone
	unread, deaf, mute atomic.Bool
}

func silence() error {
	return &edge.Error{Reason: edge.ReasonUnreachable, Server: edgetest.Server, Message: "no answer"}
}

func (h *half) Lookup(ctx context.Context, q edge.Query) (edge.Answer, error) {
	if h.unread.Load() {
		return edge.Answer{}, silence()
	}
	return h.Zone.Lookup(ctx, q)
}

func (h *half) Update(ctx context.Context, c edge.Change) (string, error) {
	if h.deaf.Load() {
		return "", silence()
	}
	server, err := h.Zone.Update(ctx, c)
	if err == nil && h.mute.Load() {
		return "", silence()
	}
	return server, err
}

func on(h *half) func(*edge.Config) { return func(c *edge.Config) { c.Publisher = h } }

// TestNothingIsRemovedFromAZoneThatCannotBeRead: what is there is not known, so a cluster
// that is dead, and glue of ours that is old, stay until it can be read again.
func TestNothingIsRemovedFromAZoneThatCannotBeRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &half{Zone: withUS()}
		r, _ := start(t, h.Zone, "i1", "eu-id", on(h))
		r.tell(nil)
		pass(time.Minute)
		require.True(t, r.status().OK)
		before := len(h.Updates())
		h.unread.Store(true)
		r.lose(true)
		pass(30 * time.Minute)
		standsUS(t, h.Zone, true, "unread, nothing may be taken away")
		assert.Equal(t, []string{"192.0.2.1"}, h.Get(euServer, edge.TypeA))
		for _, u := range h.Updates()[before:] {
			assert.Empty(t, u.Change.Clear, "no whole set")
			for _, rr := range u.Change.Remove {
				assert.Equal(t, edge.TypeTXT, rr.Type, "nothing but our own heartbeat is replaced")
			}
		}
		s := r.status()
		assert.False(t, s.OK, "what was not read back is not said to be right")
		assert.Equal(t, edge.ReasonUnreachable, s.Reason)

		h.unread.Store(false)
		pass(2 * time.Minute)
		assert.True(t, r.status().OK)
		standsUS(t, h.Zone, false, "read again, the dead one goes")
	})
}

// TestAZoneThatIsReadButTakesNoUpdates is told, drops nothing, and is put right once.
func TestAZoneThatIsReadButTakesNoUpdates(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &half{Zone: withUS()}
		h.deaf.Store(true)
		r, _ := start(t, h.Zone, "i1", "eu-id", on(h))
		r.tell(nil)
		pass(30 * time.Minute)
		assert.Equal(t, edge.ReasonUnreachable, r.status().Reason)
		assert.Equal(t, []string{usServer + ".", foreignNS}, h.Get(zoneName, edge.TypeNS))
		h.deaf.Store(false)
		pass(2 * time.Minute)
		assert.True(t, r.status().OK)
		standsUS(t, h.Zone, true, "the others' records are as they were")
	})
}

// TestAnUpdateWhoseAnswerIsLostIsNotDoneTwice: it is sent again, finds itself done, and
// the zone holds everything once.
func TestAnUpdateWhoseAnswerIsLostIsNotDoneTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &half{Zone: withUS()}
		h.mute.Store(true)
		r, _ := start(t, h.Zone, "i1", "eu-id", on(h))
		r.tell(nil)
		pass(2 * time.Minute)
		assert.Equal(t, []string{euServer + ".", usServer + ".", foreignNS}, h.Get(zoneName, edge.TypeNS))
		assert.Equal(t, []string{"192.0.2.1"}, h.Get(euServer, edge.TypeA))
		_, ok := h.Beat(euBeat)
		assert.True(t, ok)

		r.lose(true)
		pass(2 * time.Minute)
		standsUS(t, h.Zone, false, "a removal too")
		h.mute.Store(false)
		pass(2 * time.Minute)
		assert.True(t, r.status().OK)
		before := len(h.Updates())
		pass(10 * time.Minute)
		assert.Len(t, h.Updates(), before, "nothing is left to do")
		assert.Equal(t, []string{euServer + ".", foreignNS}, h.Get(zoneName, edge.TypeNS))
	})
}
