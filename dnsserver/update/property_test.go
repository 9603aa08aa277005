// SPDX-License-Identifier: Apache-2.0

package update_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsig"
)

func tsigRequest(b []byte) ([]byte, *tsig.Verifier, error) { return tsig.Request(acme, b, time.Now()) }

// model is the obvious model of a cluster: the tokens of each name.
type model map[string]map[string]bool

// TestRandomUpdatesAtTwoClusters: whatever two clusters are told, in whatever order,
// each holds what it was told itself, and both serve the union.
func TestRandomUpdatesAtTwoClusters(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 4))
				clusters := []*cluster{newCluster(t, "eu"), newCluster(t, "us")}
				models := []model{{}, {}}
				read := []model{{}, {}} // what each knows of the other
				names := []string{name, other, "_acme-challenge.cloud.example.com."}
				for range 40 {
					i := rnd.IntN(2)
					c, m := clusters[i], models[i]
					if rnd.IntN(4) == 0 {
						c.reads(clusters[1-i])
						read[i] = gather(models[1-i])
						continue
					}
					before, next := gather(m, read[i]), maps.Clone(m)
					u := newUpdate()
					holds := true
					if rnd.IntN(3) == 0 {
						n := names[rnd.IntN(3)]
						u.RRsetUsed([]dns.RR{empty(n, dns.TypeTXT, dns.ClassANY)})
						holds = len(before[n]) > 0
					}
					for range 1 + rnd.IntN(3) {
						randomChange(t, rnd, u, next, names[rnd.IntN(3)])
					}
					want := "NXRRSET"
					if holds {
						want, models[i] = "NOERROR", next
					}
					require.Equal(t, want, c.send(u, acme))
				}
				for range 2 {
					clusters[0].reads(clusters[1])
					clusters[1].reads(clusters[0])
				}
				all := gather(models...)
				for i, c := range clusters {
					for _, n := range names {
						assert.Equal(t, tokens(all[n]), c.txt(n), "%s at %s", n, c.tag)
					}
					assert.Len(t, c.held(), count(models[i]))
				}
			})
		})
	}
}

func randomChange(t *testing.T, rnd *rand.Rand, u *dns.Msg, m model, n string) {
	token := fmt.Sprint("token", rnd.IntN(4))
	own := maps.Clone(m[n])
	if own == nil {
		own = make(map[string]bool)
	}
	switch rnd.IntN(6) {
	case 0:
		u.Ns = append(u.Ns, empty(n, dns.TypeTXT, dns.ClassANY))
		own = nil
	case 1:
		u.Ns = append(u.Ns, empty(n, dns.TypeANY, dns.ClassANY))
		own = nil
	case 2, 3:
		u.Ns = append(u.Ns, none(rr(t, n+" 0 IN TXT "+token)))
		delete(own, token)
	default:
		u.Ns = append(u.Ns, rr(t, n+" 60 IN TXT "+token))
		own[token] = true
	}
	m[n] = own
}

func gather(models ...model) model {
	all := make(model)
	for _, m := range models {
		for n, own := range m {
			if all[n] == nil {
				all[n] = make(map[string]bool)
			}
			maps.Copy(all[n], own)
		}
	}
	return all
}

func tokens(set map[string]bool) []string {
	out := []string{}
	for s := range set {
		out = append(out, `"`+s+`"`)
	}
	slices.Sort(out)
	return out
}

func count(m model) int {
	n := 0
	for _, own := range m {
		n += len(own)
	}
	return n
}

// TestManyAtOnce: updates that come together are all done, each once.
func TestManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "eu")
		var all sync.WaitGroup
		for i := range 30 {
			all.Go(func() {
				owner := fmt.Sprintf("_acme-challenge.n%d.cloud.example.com.", i%10)
				assert.Equal(t, "NOERROR", c.send(add(t, owner, fmt.Sprint("t", i)), acme))
				assert.Contains(t, c.txt(owner), fmt.Sprintf(`"t%d"`, i), "what was acknowledged is served")
			})
		}
		all.Wait()
		assert.Len(t, c.held(), 30)
		assert.Len(t, c.txt("_acme-challenge.n3.cloud.example.com"), 3)
	})
}

// TestMoreThanWait: updates beyond what may wait are told to come again.
func TestMoreThanWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "eu")
		c.deaf.Store(true)
		c.storage.held = []gslb.Record{{Name: gslb.MustName(name), Type: dns.TypeTXT, TTL: 60, Data: `"not served"`}}
		var all sync.WaitGroup
		var mu sync.Mutex
		began := time.Now()
		soon := 0
		for i := range 50 {
			all.Go(func() {
				assert.Equal(t, "SERVFAIL", c.send(add(t, name, fmt.Sprint("t", i)), acme))
				mu.Lock()
				defer mu.Unlock()
				if time.Since(began) < time.Second {
					soon++
				}
			})
		}
		all.Wait()
		assert.Equal(t, 50-32, soon)
	})
}
