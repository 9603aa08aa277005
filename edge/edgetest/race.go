// SPDX-License-Identifier: Apache-2.0

package edgetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// Racers are clusters that change one edge zone at the same time, each by its own
// publisher. Each has two instances that share its heartbeat.
type Racers struct {
	Zone, EdgeZone gslb.Name
	Clusters       map[gslb.GeoTag]edge.Publisher
	Updates        int // of each cluster: of its records, and of its heartbeat by each instance half as many
}

// addrs that the glue of a racer goes round.
func addrOf(tag gslb.GeoTag, i int) string {
	return fmt.Sprintf("198.51.100.%d", 10*(int(tag[0])%20)+i%5)
}

// Run races, and then holds what the edge zone has against what every cluster did
// last: nothing of anybody is lost, and nothing is there that was taken away.
func (r *Racers) Run(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	var wg sync.WaitGroup
	for tag, p := range r.Clusters {
		wg.Go(func() { assert.NoError(t, r.change(ctx, tag, p), "%s changes its records", tag) })
		for instance := range 2 {
			wg.Go(func() { assert.NoError(t, r.beat(ctx, tag, p, instance), "%s beats", tag) })
		}
	}
	wg.Wait()
	for _, tag := range slices.Sorted(maps.Keys(r.Clusters)) {
		p := r.Clusters[tag]
		ns := r.server(t, tag)
		set, err := p.Lookup(ctx, edge.Query{Zone: r.EdgeZone, Name: r.Zone, Type: edge.TypeNS})
		if assert.NoError(t, err) {
			assert.Contains(t, set.Data, ns.FQDN(), "the name server of %s", tag)
		}
		glue, err := p.Lookup(ctx, edge.Query{Zone: r.EdgeZone, Name: ns, Type: edge.TypeA})
		if assert.NoError(t, err) {
			assert.Equal(t, []string{addrOf(tag, r.Updates-1)}, glue.Data, "the glue of %s", tag)
		}
		beat, err := p.Lookup(ctx, edge.Query{Zone: r.EdgeZone, Name: r.heartbeat(t, tag), Type: edge.TypeTXT})
		if assert.NoError(t, err) {
			assert.Equal(t, []string{counted(r.Updates)}, beat.Data, "every beat of %s was counted once", tag)
		}
	}
}

func (r *Racers) server(t testing.TB, tag gslb.GeoTag) gslb.Name {
	t.Helper()
	n, err := gslb.NameServerName(tag, r.Zone, r.EdgeZone)
	assert.NoError(t, err)
	return n
}

func (r *Racers) heartbeat(t testing.TB, tag gslb.GeoTag) gslb.Name {
	t.Helper()
	n, err := gslb.HeartbeatName(tag, r.EdgeZone)
	assert.NoError(t, err)
	return n
}

// change adds and removes the records of a cluster; every tenth time all of them, as
// a zone that is taken away and given back.
func (r *Racers) change(ctx context.Context, tag gslb.GeoTag, p edge.Publisher) error {
	name, err := gslb.NameServerName(tag, r.Zone, r.EdgeZone)
	if err != nil {
		return err
	}
	ns := gslb.Record{Name: r.Zone, Type: edge.TypeNS, TTL: 300, Data: name.FQDN()}
	a := func(i int) gslb.Record {
		return gslb.Record{Name: name, Type: edge.TypeA, TTL: 300, Data: addrOf(tag, i)}
	}
	for i := range r.Updates {
		c := edge.Change{Zone: r.EdgeZone, Add: []gslb.Record{ns, a(i)}}
		switch {
		case i%10 == 4:
			c = edge.Change{Zone: r.EdgeZone, Remove: []gslb.Record{ns}, Clear: []edge.RRset{{Name: name, Type: edge.TypeA}}}
		case i > 0:
			c.Remove = []gslb.Record{a(i - 1)}
		}
		if _, err := p.Update(ctx, c); err != nil {
			return fmt.Errorf("update %d: %w", i, err)
		}
	}
	return nil
}

func counts(data string, n *int) bool {
	_, err := fmt.Sscanf(data, `"counter=%d"`, n)
	return err == nil
}

func counted(n int) string { return `"counter=` + strconv.Itoa(n) + `"` }

// beat counts a heartbeat up, under the prerequisite that it is as it was read; who
// loses the race reads again.
func (r *Racers) beat(ctx context.Context, tag gslb.GeoTag, p edge.Publisher, instance int) error {
	owner, err := gslb.HeartbeatName(tag, r.EdgeZone)
	if err != nil {
		return err
	}
	for done := 0; done < (r.Updates+instance)/2; {
		was, err := p.Lookup(ctx, edge.Query{Zone: r.EdgeZone, Name: owner, Type: edge.TypeTXT})
		if err != nil {
			return err
		}
		n := 0
		if len(was.Data) != 1 || !counts(was.Data[0], &n) {
			was.Data = nil // nothing is there, whatever a wildcard answers
		}
		set := edge.RRset{Name: owner, Type: edge.TypeTXT}
		_, err = p.Update(ctx, edge.Change{
			Zone: r.EdgeZone, Require: []edge.RRset{{Name: owner, Type: edge.TypeTXT, Data: was.Data}}, Clear: []edge.RRset{set},
			Add: []gslb.Record{{Name: owner, Type: edge.TypeTXT, TTL: 5, Data: counted(n + 1)}},
		})
		switch {
		case errors.Is(err, edge.ErrRaced):
		case err != nil:
			return err
		default:
			done++
		}
	}
	return nil
}
