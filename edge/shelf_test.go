// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"context"
	"reflect"
	"sync"
	"testing"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/gslb"
)

// shelf is Objects with the one object of cloud.example.com, and ExternalDNS with
// --policy=upsert-only.
type shelf struct {
	zone    *edgetest.Zone
	changed chan struct{}

	mu       sync.Mutex
	obj      edge.Object
	err      error // of Get
	refusal  error // of writes
	follows  bool  // this instance does not lead
	writes   int
	deletes  int
	carrying bool // ExternalDNS runs
}

func newShelf(zone *edgetest.Zone) *shelf {
	return &shelf{zone: zone, changed: make(chan struct{}, 1), carrying: true, obj: edge.Object{Where: "DNSEndpoint meridian/x"}}
}

func (s *shelf) Get(gslb.Name) (edge.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.obj, s.err
}

func (s *shelf) Apply(_ context.Context, d edge.FullDelegation) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.obj.Exists && reflect.DeepEqual(s.obj.NameServers, d.NameServers):
		return false, nil
	case s.follows:
		return false, edge.ErrNotLeading
	case s.refusal != nil:
		return false, s.refusal
	}
	s.obj.Exists, s.obj.NameServers, s.obj.Observed = true, d.NameServers, false
	s.writes++
	s.tell()
	return true, nil
}

func (s *shelf) Delete(context.Context, gslb.Name) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.obj = edge.Object{Where: s.obj.Where}
	s.deletes++
	s.tell()
	return nil
}

func (s *shelf) Changed() <-chan struct{} { return s.changed }

func (s *shelf) tell() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *shelf) set(change func()) {
	s.mu.Lock()
	change()
	s.mu.Unlock()
	s.tell()
}

// carry is one round of ExternalDNS: it reads the object and puts its sets.
func (s *shelf) carry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.obj.Exists || !s.carrying {
		return
	}
	s.obj.Observed = true
	var names []string
	for _, ns := range s.obj.NameServers {
		names = append(names, ns.Name.FQDN())
		var v4, v6 []string
		for _, a := range ns.Addrs {
			if a.Is4() {
				v4 = append(v4, a.String())
			} else {
				v6 = append(v6, a.String())
			}
		}
		s.zone.Set(ns.Name.String(), edge.TypeA, v4...)
		s.zone.Set(ns.Name.String(), edge.TypeAAAA, v6...)
	}
	s.zone.Set(zoneName, edge.TypeNS, names...)
	s.tell()
}

func startShelf(t *testing.T, s *shelf) *rig {
	t.Helper()
	r, _ := start(t, s.zone, "one", "eu-id", func(c *edge.Config) { c.Publisher, c.Objects, c.Reader = nil, s, s.zone })
	return r
}

// reports adds what clusters report.
func reports(all ...gslb.NameServer) func(*gslb.World) {
	return func(w *gslb.World) { w.Zones[0].NameServers = all }
}

func (s *shelf) clusters() []gslb.GeoTag {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []gslb.GeoTag
	for _, ns := range s.obj.NameServers {
		out = append(out, edge.ClusterOf(ns.Name, gslb.MustName(zoneName), gslb.MustName(edgeName)))
	}
	return out
}
