// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// heartbeatTTL is short because resolvers are not to keep a heartbeat; those
// that matter ask the edge server itself.
const heartbeatTTL = 5

// keepAlivesPerCluster bounds how many instances of a missed cluster are named.
const keepAlivesPerCluster = 4

// current is a heartbeat as it stands in the edge zone.
type current struct {
	data []string // as read; empty: none
	beat Heartbeat
	good bool // there is one, and it is a heartbeat
}

func (b *beater) read(ctx context.Context, server string) (current, error) {
	a, err := b.k.Publisher.Lookup(ctx, Query{Zone: b.edge, Name: b.owner, Type: TypeTXT, Server: server})
	if err != nil {
		return current{}, err
	}
	return parseCurrent(a.Data), nil
}

func parseCurrent(data []string) current {
	c := current{data: data}
	if len(data) == 1 {
		h, err := ParseHeartbeat(data[0])
		c.beat, c.good = h, err == nil
	}
	return c
}

// unchanged is the prerequisite that nobody wrote since cur was read.
func (b *beater) unchanged(cur current) RRset {
	if b.wildcard && !cur.good {
		return RRset{Name: b.owner, Type: TypeTXT}
	}
	return RRset{Name: b.owner, Type: TypeTXT, Data: cur.data}
}

// note remembers when the counter moved.
func (b *beater) note(cur current) {
	if !cur.good {
		return
	}
	now := time.Now()
	moved := b.seenAt.IsZero() || cur.beat.Counter != b.seen.Counter ||
		cur.beat.Instance != b.seen.Instance || cur.beat.ClusterID != b.seen.ClusterID
	b.seen = cur.beat
	if !moved {
		return
	}
	b.seenAt, b.calmDue = now, now.Add(b.k.jitter(beatCalm))
	if cur.beat.ClusterID == b.selfID && cur.beat.Instance != b.k.Instance {
		b.lent, b.lentTill = cur.beat.Missed, now.Add(believeBeats*cur.beat.Interval)
	}
}

// stale reports that the heartbeat as last read no longer goes on.
func (b *beater) stale(now time.Time) bool {
	return now.Sub(b.seenAt) >= believeBeats*b.seen.Interval
}

// needed says whether the heartbeat is to be written.
//
//	in the edge zone                          | we                  | write
//	no heartbeat                              | any                 | yes
//	of another cluster id                     | any                 | as the dispute says
//	other addresses                           | changed ours        | yes
//	does not name a cluster                   | miss it             | yes
//	named us as its writer, misses others     | miss others now     | yes
//	has not moved for its interval            | miss somebody       | yes
//	misses somebody, by this instance         | miss nobody         | yes
//	misses somebody, by another, and is stale | miss nobody         | yes
//	has not moved for an hour                 | any                 | yes
//	anything else                             | any                 | no
func (b *beater) needed(cur current) (bool, *Error) {
	now := time.Now()
	if !cur.good {
		return true, nil
	}
	if cur.beat.ClusterID != b.selfID {
		may := b.dispute.foreign(cur.beat, b, now)
		if !may {
			if b.claim.set(false, time.Time{}, b.dispute.message) {
				b.claimed()
			}
			return false, &Error{Reason: ReasonGeoTagConflicted, Message: b.dispute.message}
		}
		return true, nil
	}
	b.dispute.ours(now)
	mine := cur.beat.Instance == b.k.Instance
	switch {
	case b.moved && cur.beat.NS != b.digest:
		return true, nil
	case slices.ContainsFunc(b.target.missed, func(t gslb.GeoTag) bool { return !cur.beat.Names(t) }):
		return true, nil
	case mine && b.changed:
		return !slices.Equal(missedTags(cur.beat), b.target.missed), nil
	case !b.alarmSince.IsZero():
		return !now.Before(b.beatBy(now)), nil
	case len(cur.beat.Missed) > 0 && (mine || b.stale(now)):
		return true, nil
	}
	return !now.Before(b.calmDue), nil
}

func missedTags(h Heartbeat) []gslb.GeoTag {
	var out []gslb.GeoTag
	for _, m := range h.Missed {
		out = append(out, m.Cluster)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// compose makes the next heartbeat: what we miss, and what another instance of
// our cluster missed when it wrote last, while that counts.
func (b *beater) compose(cur current, now time.Time) Heartbeat {
	h := Heartbeat{
		Cluster: b.self, ClusterID: b.selfID, Instance: b.k.Instance,
		Counter: cur.beat.Counter + 1, Interval: b.interval(now), NS: b.digest,
	}
	var heard []HeardKeepAlive
	if b.k.Heard != nil {
		heard = b.k.Heard()
	}
	for _, t := range b.target.missed {
		h.Missed = append(h.Missed, heardOf(t, heard)...)
	}
	if now.Before(b.lentTill) {
		for _, m := range b.lent {
			if !slices.Contains(h.Missed, m) {
				h.Missed = append(h.Missed, m)
			}
		}
	}
	if len(h.Missed) > 0 && b.alarmSince.IsZero() {
		h.Interval = beatAlarm // lent: soon to be looked at again
	}
	slices.SortStableFunc(h.Missed, func(a, b HeardKeepAlive) int { return cmp.Compare(a.Cluster, b.Cluster) })
	return h
}

// heardOf gives the last keep-alives heard from a cluster, at least one entry.
func heardOf(t gslb.GeoTag, heard []HeardKeepAlive) []HeardKeepAlive {
	var out []HeardKeepAlive
	for _, k := range heard {
		if k.Cluster == t && k.Instance != "" && len(out) < keepAlivesPerCluster {
			out = append(out, k)
		}
	}
	if len(out) == 0 {
		out = []HeardKeepAlive{{Cluster: t}}
	}
	return out
}

// digestOf identifies what we publish in an edge zone.
func digestOf(ds []Delegation) string {
	h := fnv.New64a()
	for _, d := range ds {
		fmt.Fprintf(h, "%s %s %v\n", d.Zone, d.NameServer, d.Addrs)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
