// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/health"
)

// currentWorld gives the World of now; nil while there is none.
func (p *process) currentWorld() *gslb.World {
	if store := p.store.Load(); store != nil {
		return store.World()
	}
	return nil
}

// addHealth makes what /healthz and /readyz ask.
func (p *process) addHealth() (http.Handler, error) {
	dog, err := health.NewWatchdog(p.log, p.registry, p.loops)
	if err != nil {
		return nil, err
	}
	p.ready = &health.Readiness{World: p.currentWorld, Answers: p.dns.Ready}
	p.run("watchdog", dog.Run)
	loops := health.Check{Name: "loops", Look: dog.Check}
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", health.Handler("healthz", loops))
	mux.Handle("GET /readyz", health.Handler("readyz", append([]health.Check{loops}, p.ready.Checks()...)...))
	return mux, nil
}

// loops gives what has to turn: the goroutines of the DNS server, and the Store
// once there is one.
func (p *process) loops() []health.Loop {
	var all []health.Loop
	for i, l := range p.dns.Loops() {
		all = append(all, health.Loop{Name: fmt.Sprintf("dns %s #%d", l.Name(), i+1), Progress: l.Progress})
	}
	if store := p.store.Load(); store != nil {
		all = append(all, health.Loop{Name: "store", Progress: func() (uint64, bool) { return store.Turns(), false }})
	}
	return all
}
