// SPDX-License-Identifier: Apache-2.0

package strategies_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// truth is what the clusters offer of one host, before anybody merged it.
type truth struct {
	offers map[gslb.GeoTag]*gslb.Offer
}

func randomTruth(r *rand.Rand) truth {
	name := gslb.MustName("app.cloud.example.com")
	policy := randomPolicy(r)
	if policy.WhenAllUnhealthy == gslb.LastHealthy {
		policy.WhenAllUnhealthy = gslb.Empty // what was healthy last is each cluster's own memory
	}
	t := truth{offers: make(map[gslb.GeoTag]*gslb.Offer)}
	for i, tag := range tags {
		o := &gslb.Offer{Host: name, Source: gslb.Source{Kind: "Gslb", Name: "app"}, Created: time.Unix(int64(i), 0), Policy: policy}
		for range 1 + r.IntN(3) {
			o.Entries = append(o.Entries, gslb.Entry{
				Addr:   netip.AddrFrom4([4]byte{192, 0, 2, byte(10*i + r.IntN(9))}),
				Health: gslb.Health(r.IntN(3)), Reason: gslb.ReasonReady, Since: time.Unix(1, 0),
			})
		}
		t.offers[tag] = o
	}
	return t
}

// seenBy gives what one cluster decides, having been told everything in some order.
func (tr truth) seenBy(t *testing.T, self gslb.GeoTag, r *rand.Rand) strategies.Decision {
	t.Helper()
	store, err := gslb.NewStore(gslb.Config{Self: self, ClusterID: "id-" + string(self)})
	require.NoError(t, err)
	zone := gslb.MustName("cloud.example.com")
	inputs := []func(){
		func() {
			store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: gslb.MustName("example.com"), NegTTL: 30}})
		},
		func() { store.SetLocal(gslb.LocalState{Synced: true}) },
	}
	for tag, o := range tr.offers {
		inputs = append(inputs, func() {
			if tag == self {
				store.SetObject(o.Source, []*gslb.Offer{o})
				return
			}
			rep := &gslb.Report{Cluster: tag, ClusterID: "id-" + string(tag), Instance: "1", Zone: zone, Hears: []gslb.GeoTag{self},
				Offers: map[gslb.Name]*gslb.Offer{o.Host: o}}
			require.NoError(t, store.SetReport(rep))
			store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, Instance: "1", At: time.Now()})
		})
	}
	r.Shuffle(len(inputs), func(a, b int) { inputs[a], inputs[b] = inputs[b], inputs[a] })
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = store.Run(ctx) })
	for _, f := range inputs {
		f()
		if r.IntN(2) == 0 {
			<-time.After(20 * time.Millisecond) // merged between two inputs, or with them
		}
	}
	<-time.After(200 * time.Millisecond)
	synctest.Wait()
	h := store.World().Host(gslb.MustName("app.cloud.example.com"))
	cancel()
	wg.Wait()
	require.NotNil(t, h)
	return strategies.Decide(h)
}

// TestClustersWithTheSameKnowledgeDecideTheSame: whoever is asked, and in
// whatever order it learnt what it knows.
func TestClustersWithTheSameKnowledgeDecideTheSame(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 13))
				tr := randomTruth(r)
				want := tr.seenBy(t, tags[0], r)
				for _, tag := range tags[1:] {
					require.Equal(t, want, tr.seenBy(t, tag, r), "%s decides as %s", tag, tags[0])
				}
			})
		})
	}
}

// TestAClusterWithoutTheObjectDecidesAsTheOthers: the oldest policy is followed
// where there is none of one's own.
func TestAClusterWithoutTheObjectDecidesAsTheOthers(t *testing.T) {
	for seed := range uint64(50) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 17))
				tr := randomTruth(r)
				delete(tr.offers, "za")
				require.Equal(t, tr.seenBy(t, "eu", r), tr.seenBy(t, "za", r))
			})
		})
	}
}
