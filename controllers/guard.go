// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// How Gslbs that vanish are judged. A deletion that a watch told of is somebody's wish.
// One that is only found out by reading anew may be an API server that lost its store.
const (
	guardWindow = 10 * time.Second // what vanishes within it vanishes together
	guardCount  = time.Second      // how long they are counted before they are judged
	guardLeast  = 10               // as many are believed, as with hosts: see gslb.Held
)

// guard keeps what many Gslbs offered that vanished together while the API was read anew,
// for as long as --deletion-guard, or until they return. The numbers are those of the
// deletion guard of hosts.
//
//	vanished together     | believed
//	at most guardLeast    | at once
//	at most half of all   | at once
//	more                  | after the hold
//	in a zone that allows | at once
//	mass removal          |
//	any, without a hold   | at once
//
// What was held and goes, because its time is over or because it was made and deleted
// again, is not held a second time as hosts.
type guard struct {
	log     *slog.Logger
	metrics *metrics
	hold    time.Duration // 0: nothing is held

	mu       sync.Mutex
	vanished map[types.NamespacedName]time.Time
	held     map[types.NamespacedName]time.Time // until when
	until    time.Time                          // the last of them
	returned map[types.NamespacedName]time.Time // that were held, and until when their deletion confirms the first
}

func newGuard(log *slog.Logger, m *metrics, hold time.Duration) *guard {
	return &guard{
		log: log, metrics: m, hold: hold, vanished: make(map[types.NamespacedName]time.Time),
		held: make(map[types.NamespacedName]time.Time), returned: make(map[types.NamespacedName]time.Time),
	}
}

// status gives how many Gslbs are held now, and until when the last of them is.
func (g *guard) status() heldGslbs {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.held) == 0 {
		return heldGslbs{}
	}
	return heldGslbs{gslbs: len(g.held), until: g.until}
}

// keeps gives the Gslbs that are held.
func (g *guard) keeps() []types.NamespacedName {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Keys(g.held))
}

// lost notes that a Gslb was found to be gone by reading anew.
func (g *guard) lost(key types.NamespacedName, now time.Time) {
	if g.hold == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for k, at := range g.vanished {
		if now.Sub(at) >= guardWindow {
			delete(g.vanished, k)
		}
	}
	maps.DeleteFunc(g.returned, func(_ types.NamespacedName, until time.Time) bool { return !now.Before(until) })
	g.vanished[key] = now
}

// seen notes that a Gslb is there, or that a watch told of its deletion.
func (g *guard) seen(key types.NamespacedName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until, held := g.held[key]; held {
		g.returned[key] = until
	}
	delete(g.vanished, key)
	delete(g.held, key)
	g.metrics.held.Set(float64(len(g.held)))
}

// confirms reports that the deletion of a Gslb confirms an earlier one, which was held.
func (g *guard) confirms(key types.NamespacedName, now time.Time) bool {
	until, returned := g.returned[key]
	delete(g.returned, key)
	return returned && now.Before(until)
}

// holds says how long a Gslb that is gone keeps what it offered, to be asked again then;
// 0: it is gone, and meant says that nobody is to hold it once more. all is how many Gslbs
// there are, the vanished ones included.
func (g *guard) holds(key types.NamespacedName, all int, now time.Time) (wait time.Duration, meant bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, lost := g.vanished[key]
	switch until, held := g.held[key]; {
	case held && now.Before(until):
		return until.Sub(now), false
	case !lost || held:
		delete(g.vanished, key)
		delete(g.held, key)
		g.metrics.held.Set(float64(len(g.held)))
		return 0, g.confirms(key, now) || held
	}
	if wait := at.Add(guardCount).Sub(now); wait > 0 {
		return wait, false
	}
	n := len(g.vanished)
	if n <= guardLeast || 2*n <= all {
		clear(g.vanished) // all of them are believed, as they vanished together
		return 0, false
	}
	if len(g.held) == 0 {
		g.log.Error("many Gslbs vanished together while the API was read anew; what they offered stays for a while",
			"vanished", n, "of", all, "hold", g.hold, "do", "restore them; if that was meant, annotate the ZoneDelegation with "+gslbv1beta1.AnnotationAllowMassRemoval+"=true, or make and delete them again")
	}
	g.until = now.Add(g.hold)
	for k := range g.vanished {
		g.held[k] = g.until
	}
	g.metrics.held.Set(float64(len(g.held)))
	return g.hold, false
}
