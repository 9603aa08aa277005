// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/gslb"
)

const (
	zoneName  = "cloud.example.com"
	edgeName  = "example.com"
	euServer  = "gslb-ns-eu-cloud.example.com"
	usServer  = "gslb-ns-us-cloud.example.com"
	euBeat    = "gslb-heartbeat-eu.example.com"
	usBeat    = "gslb-heartbeat-us.example.com"
	foreignNS = "ns.elsewhere.example."
)

// rig is a Keeper of cluster eu at work on an edge zone in memory, inside a
// synctest bubble.
type rig struct {
	t      *testing.T
	zone   *edgetest.Zone
	keeper *edge.Keeper
	worlds chan *gslb.World
	world  gslb.World

	mu        sync.Mutex
	sightings []gslb.Sighting
}

// Sight implements edge.Store.
func (r *rig) Sight(s gslb.Sighting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sightings = append(r.sightings, s)
}

func (r *rig) seen(kind gslb.SightingKind) []gslb.Sighting {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []gslb.Sighting
	for _, s := range r.sightings {
		if s.Kind == kind {
			out = append(out, s)
		}
	}
	return out
}

func (r *rig) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sightings = nil
}

// bubble runs a story in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t) })
}

// start runs a Keeper until the test ends, or until the returned cancel.
func start(t *testing.T, zone *edgetest.Zone, instance, clusterID string, adjust ...func(*edge.Config)) (*rig, context.CancelFunc) {
	t.Helper()
	r := &rig{t: t, zone: zone, worlds: make(chan *gslb.World, 1), world: gslb.World{
		Self: "eu", SelfID: clusterID, Ready: true,
		Zones:    []gslb.Zone{intent(zoneName, edgeName, "192.0.2.1", "2001:db8::1")},
		Clusters: []gslb.Cluster{{Tag: "eu", ID: clusterID, Liveness: gslb.Self}, {Tag: "us", ID: "us-id", Liveness: gslb.Fresh}},
	}}
	c := edge.Config{Worlds: r.worlds, Store: r, Publisher: zone, Instance: instance, Rand: func() float64 { return 0.5 }}
	for _, f := range adjust {
		f(&c)
	}
	k, err := edge.New(c)
	require.NoError(t, err)
	r.keeper = k
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	return r, cancel
}

// tell gives the Keeper a World, changed as the test likes.
func (r *rig) tell(change func(w *gslb.World)) {
	r.t.Helper()
	w := r.world
	w.Clusters = append([]gslb.Cluster(nil), w.Clusters...)
	w.Zones = append([]gslb.Zone(nil), w.Zones...)
	if change != nil {
		change(&w)
	}
	r.world = w
	r.worlds <- &w
	synctest.Wait()
}

func (r *rig) miss(tags ...gslb.GeoTag) {
	r.t.Helper()
	r.tell(func(w *gslb.World) { w.Alarm.Missed = tags })
}

// pass lets virtual time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (r *rig) status() edge.ZoneStatus {
	r.t.Helper()
	s := r.keeper.Status()
	require.Len(r.t, s, 1)
	return s[0]
}

func (r *rig) taken() (out []edgetest.Update) {
	for _, u := range r.zone.Updates() {
		if u.Err == nil {
			out = append(out, u)
		}
	}
	return out
}
