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

// keepAlivesMost bounds how many are named in all, so that instances that add to
// each other's heartbeat cannot make it grow without end.
const keepAlivesMost = 32

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
	switch {
	case cur.beat.NS == b.digest || cur.beat.ClusterID != b.selfID:
		b.othersAt = time.Time{}
	case b.othersAt.IsZero() || cur.beat.NS != b.seen.NS:
		b.othersAt = now
	}
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
//	no heartbeat                              | any                 | yes, unless a start finds our geo tag in use
//	of another cluster id                     | any                 | as the dispute says
//	other addresses                           | changed ours, see   | yes
//	no addresses                              | see                 | yes
//	does not name a cluster                   | miss it             | yes
//	named us as its writer, misses others     | miss others now     | yes
//	has not moved for its interval            | miss somebody       | yes
//	misses somebody, by this instance         | miss nobody         | yes (others say theirs again)
//	misses somebody, by another, and is stale | miss nobody         | yes
//	has not moved for an hour                 | any                 | yes
//	anything else                             | any                 | no
func (b *beater) needed(cur current) (bool, *Error) {
	now := time.Now()
	if !cur.good {
		problem := b.mayBegin()
		return problem == nil, problem
	}
	if cur.beat.ClusterID != b.selfID {
		if !b.dispute.foreign(cur.beat, b, now) {
			return false, b.yield(b.dispute.message)
		}
		return true, nil
	}
	b.dispute.ours(now)
	mine := cur.beat.Instance == b.k.Instance
	switch {
	case cur.beat.NS != b.digest && b.restates(cur, now):
		return true, nil
	case b.lacks(cur.beat):
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

// restates reports that the next heartbeat states our addresses in place of what it
// states now. A process that cannot read its objects never does: what stands there is of
// one that could. Nor does one that sees because of an alarm alone: its watch may lag
// behind another instance's.
//
//	the heartbeat states                      | we                  | restates
//	any, of another cluster id                | see                 | yes
//	nothing                                   | see                 | yes
//	other addresses                           | changed ours, see   | yes
//	other addresses, for an hour              | see                 | yes: who wrote them is gone
//	other addresses                           | see                 | no
//	any                                       | are blind           | no
func (b *beater) restates(cur current, now time.Time) bool {
	switch {
	case b.target.blind:
		return false
	case !cur.good || cur.beat.ClusterID != b.selfID || cur.beat.NS == "" || b.moved:
		return true
	}
	return !b.othersAt.IsZero() && now.Sub(b.othersAt) >= beatCalm || !now.Before(b.calmDue)
}

// lacks reports that the heartbeat does not yet say what we miss: each missed
// cluster, and of each of its instances that we heard the last keep-alive. An
// instance that is not named, or by a keep-alive of an earlier cut, could not tell
// that its cluster is missed now. Two instances of ours hear the same one at
// slightly different times; that is no reason to write.
func (b *beater) lacks(h Heartbeat) bool {
	heard := b.heard()
	for _, t := range b.target.missed {
		if !h.Names(t) {
			return true
		}
		for _, k := range heardOf(t, heard) {
			if k.Instance != "" && !namedSince(h, k, uint64(aliveAfter.Milliseconds())) {
				return true
			}
		}
	}
	return false
}

// namedSince reports that the heartbeat names an instance by a keep-alive that is
// not older than k by more than slack, in milliseconds.
func namedSince(h Heartbeat, k HeardKeepAlive, slack uint64) bool {
	return slices.ContainsFunc(h.Missed, func(m HeardKeepAlive) bool {
		return m.Cluster == k.Cluster && m.Instance == k.Instance && m.Number+slack >= k.Number
	})
}

func (b *beater) heard() []HeardKeepAlive {
	if b.k.Heard == nil {
		return nil
	}
	return b.k.Heard()
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
		Counter: cur.beat.Counter + 1, Interval: b.interval(now),
	}
	switch {
	case b.restates(cur, now):
		h.NS = b.digest
	case cur.good && cur.beat.ClusterID == b.selfID:
		h.NS = cur.beat.NS
	}
	heard := b.heard()
	for _, t := range b.target.missed {
		h.Missed = append(h.Missed, heardOf(t, heard)...)
	}
	if now.Before(b.lentTill) {
		for _, m := range b.lent {
			if len(h.Missed) < keepAlivesMost && !namedSince(h, m, 0) {
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
