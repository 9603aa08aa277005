// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/gslb"
)

// sleeper is the Publisher of a process that can be stopped: what it was about to send
// leaves when it goes on, however late.
type sleeper struct {
	edge.Publisher
	mu   sync.Mutex
	gate chan struct{} // nil: it runs
	held int           // updates that wait
}

func (s *sleeper) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = make(chan struct{})
}

func (s *sleeper) goOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.gate)
	s.gate = nil
}

func (s *sleeper) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

func (s *sleeper) wait() {
	s.mu.Lock()
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		<-gate
	}
}

func (s *sleeper) Lookup(ctx context.Context, q edge.Query) (edge.Answer, error) {
	s.wait()
	return s.Publisher.Lookup(context.WithoutCancel(ctx), q)
}

func (s *sleeper) Update(ctx context.Context, c edge.Change) (string, error) {
	s.mu.Lock()
	if s.gate != nil {
		s.held++
	}
	s.mu.Unlock()
	s.wait()
	return s.Publisher.Update(context.WithoutCancel(ctx), c)
}

// stopAtUpdate stops the process in the moment in which it sends its next update.
type stopAtUpdate struct {
	*sleeper
	armed bool
}

func (s *stopAtUpdate) Update(ctx context.Context, c edge.Change) (string, error) {
	if s.armed {
		s.armed = false
		s.stop() // and so is everything else of the process
	}
	return s.sleeper.Update(ctx, c)
}

// moved tells a new address of our name server.
func moved(w *gslb.World) { w.Zones[0] = intent(zoneName, edgeName, "192.0.2.2", "2001:db8::1") }

func TestAnOldLeaderThatWakesUpChangesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := withUS()
		old := &sleeper{Publisher: z}
		r1, _ := start(t, z, "i1", "eu-id", func(c *edge.Config) { c.Publisher = old })
		r1.tell(nil)
		pass(2 * time.Minute)
		r2, _ := start(t, z, "i2", "eu-id")
		r2.tell(nil)
		pass(time.Minute)
		old.stop()
		pass(90 * time.Second)
		r2.tell(moved)
		pass(2 * time.Minute)
		right := []string{"192.0.2.2"}
		require.Equal(t, right, z.Get(euServer, edge.TypeA), "the other instance took over, and took the old address away")
		before := len(z.Updates())
		old.goOn()
		for range 300 {
			pass(time.Second)
			require.Equal(t, right, z.Get(euServer, edge.TypeA))
		}
		for _, u := range z.Updates()[before:] {
			assert.Equal(t, gslb.MustName(euBeat), u.Change.Require[0].Name, "nothing but under the heartbeat's prerequisite")
			if u.Err == nil {
				assert.Empty(t, u.Change.Remove, "and nothing is taken away")
			}
		}
		r1.tell(moved)
		pass(5 * time.Minute)
		assert.Equal(t, right, z.Get(euServer, edge.TypeA))
		assert.True(t, r1.status().OK, "now it knows the same")
		z.Set(euServer, edge.TypeA, "192.0.2.77")
		pass(2 * time.Minute)
		assert.Equal(t, right, z.Get(euServer, edge.TypeA), "and both repair")
	})
}

// TestAnOldLeaderThatWakesUpRemovesNobody has a process stand still in the moment in which
// it removes a dead cluster, which returns meanwhile.
func TestAnOldLeaderThatWakesUpRemovesNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := withUS()
		old := &stopAtUpdate{sleeper: &sleeper{Publisher: z}}
		r1, _ := start(t, z, "i1", "eu-id", func(c *edge.Config) { c.Publisher = old })
		r1.tell(nil)
		r2, _ := start(t, z, "i2", "eu-id")
		r2.tell(nil)
		r1.miss("us")
		r2.miss("us")
		r1.lose(false)
		pass(time.Minute)
		old.armed = true
		r1.lose(true)
		require.Equal(t, 1, old.waiting(), "the removal is on its way")
		pass(time.Minute)
		r2.miss() // us is back, and has the name server and the heartbeat that it had
		pass(time.Minute)
		old.goOn()
		pass(5 * time.Second)
		standsUS(t, z, true, "the heartbeat of eu went on since")
		assert.True(t, slices.ContainsFunc(z.Updates(), func(u edgetest.Update) bool {
			return errors.Is(u.Err, edge.ErrRaced) && slices.ContainsFunc(u.Change.Remove, func(r gslb.Record) bool { return r.Type == edge.TypeNS })
		}), "it was sent, and refused")
		r1.tell(func(w *gslb.World) { w.Clusters[1].Liveness, w.Zones[0].Dead, w.Alarm.Missed = gslb.Fresh, nil, nil })
		pass(10 * time.Minute)
		standsUS(t, z, true, "seconds later it knows that us is back")
	})
}

// TestADeadClusterIsBackAtTheEdgeWhenItReturns has the others remove what a cluster left,
// while it stands still with its last World.
func TestADeadClusterIsBackAtTheEdgeWhenItReturns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		us := &sleeper{Publisher: z}
		r2, _ := start(t, z, "u1", "us-id", func(c *edge.Config) { c.Publisher = us })
		r2.tell(func(w *gslb.World) {
			w.Self, w.Zones[0] = "us", intent(zoneName, edgeName, "198.51.100.1", "2001:db8::2")
			w.Clusters[1].Liveness = gslb.Self
			w.Clusters[0].Liveness = gslb.Fresh
		})
		r1, _ := start(t, z, "i1", "eu-id")
		r1.tell(nil)
		pass(time.Minute)
		require.Equal(t, []string{euServer + ".", usServer + "."}, z.Get(zoneName, edge.TypeNS))
		us.stop()
		r1.miss("us")
		r1.lose(true)
		pass(5 * time.Minute)
		require.Equal(t, []string{euServer + "."}, z.Get(zoneName, edge.TypeNS))
		require.Empty(t, z.Get(usServer, edge.TypeA))
		r1.tell(func(w *gslb.World) { w.Clusters[1].Liveness, w.Zones[0].Dead, w.Alarm.Missed = gslb.Fresh, nil, nil })
		us.goOn()
		pass(2 * time.Minute)
		assert.Equal(t, []string{euServer + ".", usServer + "."}, z.Get(zoneName, edge.TypeNS))
		assert.Equal(t, []string{"198.51.100.1"}, z.Get(usServer, edge.TypeA))
		assert.Equal(t, []string{"2001:db8::2"}, z.Get(usServer, edge.TypeAAAA))
		assert.True(t, r2.status().OK)
	})
}
