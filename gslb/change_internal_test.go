// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// twins are two mergers that are told the same: one by whole reports, one by changes
// wherever there is one.
type twins struct {
	t              *testing.T
	whole, changed *merger
	now            time.Time
	said           map[string]*Report // by cluster and instance
	byChange       int
}

func newTwins(t *testing.T, self GeoTag) *twins {
	w := &twins{t: t, now: time.Unix(1_800_000_000, 0), said: make(map[string]*Report)}
	for _, m := range []**merger{&w.whole, &w.changed} {
		*m = newMerger(self, "id-"+string(self), DefaultTiming(), true)
		(*m).replicas.instance = "0"
		(*m).setZones([]ZoneIntent{{Zone: changeZone, EdgeZone: changeZone.Parent(), NegTTL: 30}})
		(*m).setLocal(LocalState{Synced: true})
	}
	return w
}

var changeZone = MustName("cloud.example.com")

func changeOffer(r *rand.Rand, i int) *Offer {
	return &Offer{
		Host: MustName(fmt.Sprintf("h%d.cloud.example.com", i)), Policy: Policy{Strategy: RoundRobin, TTL: uint32(1 + r.IntN(2))},
		Entries: []Entry{{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(3))}), Health: Health(r.IntN(3))}},
	}
}

// say has an instance offer something else, now and then as another cluster id.
func (w *twins) say(r *rand.Rand, tag GeoTag, instance string) {
	key := string(tag) + " " + instance
	before := w.said[key]
	report := Report{
		Cluster: tag, ClusterID: "id-" + string(tag), Instance: instance, Zone: changeZone, Serial: r.Uint32(), Mark: uint64(r.IntN(3)), Hears: []GeoTag{"eu"},
		Announcement: []Announcement{Active, Active, Active, Active, Pausing}[r.IntN(5)], Offers: make(map[Name]*Offer), Public: uint32(r.IntN(100)),
	}
	if r.IntN(20) == 0 {
		report.ClusterID += "-rebuilt"
	}
	changes := make(map[Name]*Offer)
	if before != nil {
		report.Offers = maps.Clone(before.Offers)
	}
	for range r.IntN(4) {
		o := changeOffer(r, r.IntN(30))
		changes[o.Host] = o
		if r.IntN(3) == 0 {
			changes[o.Host] = nil
		}
	}
	for n, o := range changes {
		if report.Offers[n] = o; o == nil {
			delete(report.Offers, n)
		}
	}
	errWhole := w.whole.setReport(&report, w.now)
	other := report
	other.Offers = nil
	errChange := ErrNoBase
	if before != nil {
		errChange = w.changed.setChange(&other, before.Serial, changes, w.now)
	}
	if errChange == nil {
		w.byChange++
	} else {
		require.ErrorIs(w.t, errChange, ErrNoBase)
		other.Offers = maps.Clone(report.Offers)
		errChange = w.changed.setReport(&other, w.now)
	}
	require.Equal(w.t, errWhole, errChange)
	if errWhole == nil {
		w.said[key] = &report
	}
}

// same holds that both have the same World, and that neither a World nor what was saved
// is ever changed afterwards.
func (w *twins) same() {
	a, _ := w.whole.merge(w.now)
	b, _ := w.changed.merge(w.now)
	require.Equal(w.t, a.Len(), b.Len())
	for h := range a.Hosts() {
		require.Equal(w.t, h, b.Host(h.Name))
	}
	require.Equal(w.t, a.Clusters, b.Clusters)
	require.Equal(w.t, a.Revision, b.Revision, "what does not change makes no World")
	require.Equal(w.t, w.whole.save(w.now).Reports, w.changed.save(w.now).Reports)
}

// TestAChangeIsWorthTheWholeReport: whatever peers and replicas say in whatever order,
// a store that is told of changes alone knows what one knows that is told everything.
func TestAChangeIsWorthTheWholeReport(t *testing.T) {
	byChange := 0
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := newTwins(t, "eu")
		var saved []*Report
		var copies []*Report
		for range 120 {
			tag := []GeoTag{"us", "us", "ap", "eu"}[r.IntN(4)]
			w.say(r, tag, []string{"1", "2"}[r.IntN(2)])
			w.now = w.now.Add(time.Duration(r.IntN(1500)) * time.Millisecond)
			if r.IntN(3) > 0 {
				for _, m := range []*merger{w.whole, w.changed} {
					m.sight(Sighting{Kind: Heard, Of: tag, Instance: "1", At: w.now})
				}
			}
			if r.IntN(25) == 0 {
				blind := w.now
				for _, m := range []*merger{w.whole, w.changed} {
					m.setLocal(LocalState{Synced: true, Blind: blind})
				}
			}
			w.same()
			for _, report := range w.changed.save(w.now).Reports {
				saved, copies = append(saved, report), append(copies, copyOf(report))
			}
		}
		require.Equal(t, copies, saved, "what was saved stays as it was")
		byChange += w.byChange
	}
	assert.Greater(t, byChange, 2000, "of 4,800")
}

func copyOf(r *Report) *Report {
	c := *r
	c.Offers = maps.Clone(r.Offers)
	return &c
}

// TestAChangeTouchesWhatDiffers: one change of one host re-merges that host and no other,
// and one that changes nothing re-merges none.
func TestAChangeTouchesWhatDiffers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	m := newTwins(t, "eu").changed
	now := time.Unix(1_800_000_000, 0)
	offers := make(map[Name]*Offer)
	for i := range 30 {
		o := changeOffer(r, i)
		offers[o.Host] = o
	}
	report := Report{Cluster: "us", ClusterID: "id-us", Instance: "1", Zone: changeZone, Serial: 7, Offers: offers}
	require.NoError(t, m.setReport(&report, now))
	m.merge(now)
	o := *offers[MustName("h3.cloud.example.com")]
	o.Override = Drain
	same := *offers[MustName("h4.cloud.example.com")]
	next := report
	next.Serial, next.Offers = 8, nil
	require.NoError(t, m.setChange(&next, 7, map[Name]*Offer{o.Host: &o, same.Host: &same, MustName("never.cloud.example.com"): nil}, now))
	assert.Equal(t, []Name{o.Host}, slices.Collect(maps.Keys(m.dirty)))
	assert.Len(t, offers, 30, "the map of a report is its maker's")
	assert.Equal(t, NoOverride, offers[o.Host].Override)
	third := next
	third.Serial = 9
	assert.ErrorIs(t, m.setChange(&third, 7, nil, now), ErrNoBase, "a change of what is not held")
}
