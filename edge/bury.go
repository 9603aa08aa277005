// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// beatStill is how long the heartbeat of a lost cluster has to stand still before
// its name server may go: longer than one that is cut off from us alone lets it.
const beatStill = believeBeats * beatAlarm

// stillBeat is a heartbeat of a lost cluster as it was read, and since when it is
// the same.
type stillBeat struct {
	data  []string
	since time.Time
}

// watchBeats reads the heartbeats of the clusters that are lost, so that one which
// goes on is not taken for dead. It returns the first error.
func (d *delegator) watchBeats(ctx context.Context) error {
	lost := make(map[gslb.GeoTag]bool)
	for _, want := range d.want {
		for _, tag := range slices.Concat(want.Lost, want.Dead) {
			lost[tag] = true
		}
	}
	for tag := range d.beats {
		if !lost[tag] {
			delete(d.beats, tag)
		}
	}
	for tag := range lost {
		owner, err := gslb.HeartbeatName(tag, d.edge)
		if err != nil {
			continue
		}
		a, err := d.k.Publisher.Lookup(ctx, Query{Zone: d.edge, Name: owner, Type: TypeTXT})
		if err != nil {
			return err
		}
		if was, ok := d.beats[tag]; !ok || !slices.Equal(was.data, a.Data) {
			d.beats[tag] = stillBeat{a.Data, time.Now()}
		}
	}
	return nil
}

// bury removes the NS of one dead cluster from a delegation, and its glue where we may, under
// prerequisites in the same message (agreement.md §6): the NS set is what was
// just read, its heartbeat stands still, and ours is ours. Ours stays, so the last
// one is never removed. It gives when to look again for the next one; zero: there is
// nothing more to do.
//
//	the delegation          | heartbeat of the dead     | ours               | then
//	does not name it        | any                       | any                | nothing
//	does not name us        | any                       | any                | nothing: ours comes first
//	names both              | moved within beatStill    | any                | wait
//	names both              | none, and it is unmet     | any                | nothing: it may run k8gb, which writes it again
//	names both              | stands still              | another's, or none | wait until it is ours
//	names both              | stands still              | our cluster's      | remove
func (d *delegator) bury(ctx context.Context, want Delegation, have holding) (again time.Time, err error) {
	for _, tag := range want.Dead {
		name, err := gslb.NameServerName(tag, want.Zone, want.EdgeZone)
		if err != nil || name == want.NameServer || !slices.Contains(have.ns, name.FQDN()) || !slices.Contains(have.ns, want.NameServer.FQDN()) {
			continue
		}
		due := time.Now().Add(beatAlarm)
		still, seen := d.beats[tag]
		if seen {
			due = still.since.Add(beatStill)
		}
		if seen && len(still.data) == 0 && slices.Contains(want.Unmet, tag) {
			continue
		}
		if seen && !due.After(time.Now()) {
			return d.buryOne(ctx, want, have, tag, name, still)
		}
		if again.IsZero() || due.Before(again) {
			again = due
		}
	}
	return again, nil
}

func (d *delegator) buryOne(ctx context.Context, want Delegation, have holding, tag gslb.GeoTag, name gslb.Name, still stillBeat) (time.Time, error) {
	ownName, err := gslb.HeartbeatName(d.self, d.edge)
	if err != nil {
		return time.Time{}, err
	}
	theirName, err := gslb.HeartbeatName(tag, d.edge)
	if err != nil {
		return time.Time{}, err
	}
	own := d.claim.lease() // as this process knows it: one that stood still knows an older one
	if cur := parseCurrent(own); !cur.good || cur.beat.ClusterID != d.selfID {
		return time.Now().Add(verifyEvery), nil
	}
	server, bare, err := d.takeAway(ctx, have.server, Change{
		Zone: d.edge,
		Require: []RRset{
			{Name: want.Zone, Type: TypeNS, Data: have.ns},
			{Name: theirName, Type: TypeTXT, Data: still.data},
			{Name: ownName, Type: TypeTXT, Data: own},
		},
		Clear:  []RRset{{Name: name, Type: TypeA}, {Name: name, Type: TypeAAAA}},
		Remove: []gslb.Record{{Name: want.Zone, Type: TypeNS, Data: name.FQDN()}},
	})
	if errors.Is(err, ErrRaced) {
		delete(d.beats, tag) // it is read anew, and has to stand still once more
		d.raced()
		return time.Now().Add(beatAlarm), nil
	}
	if err != nil {
		return time.Time{}, err
	}
	ns, err := d.k.Publisher.Lookup(ctx, Query{Zone: want.EdgeZone, Name: want.Zone, Type: TypeNS, Server: server})
	if err != nil {
		return time.Time{}, err
	}
	if slices.Contains(ns.Data, name.FQDN()) {
		d.k.metrics.ignored(want.EdgeZone)
		return time.Time{}, &Error{Reason: ReasonIgnored, Server: server,
			Message: "edge server " + server + " said NOERROR to the removal of the dead name server " + name.FQDN() + " and still serves it"}
	}
	d.k.metrics.buried(want.Zone)
	d.k.Log.Warn("name server of a dead cluster removed from the delegation; the cluster puts it back when it returns",
		"zone", want.Zone, "edge", d.edge, "geo_tag", string(tag), "name", name, "server", server, "glue_left", bare)
	return time.Now(), nil
}
