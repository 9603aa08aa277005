// SPDX-License-Identifier: Apache-2.0

package k8gb_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/k8gbtest"
)

// within bounds how long what changed in a cluster that runs k8gb may go unseen: two
// denials, or silence until the decision, and a start of its server on top.
const within = 8 * time.Second

// truth is what is so, and since when.
type truth struct {
	up    bool
	since time.Time
}

func (s *truth) set(up bool) {
	if s.up != up {
		s.up, s.since = up, time.Now()
	}
}

// surely and maybe say what may be expected by now.
func (s *truth) surely() bool { return s.up && time.Since(s.since) >= within }
func (s *truth) maybe() bool  { return s.up || time.Since(s.since) < within }

// TestSeeds breaks a mixed zone at random and holds every answer against two rules: it
// is not empty while something serves, and holds nothing that has long not served, unless
// nothing does.
func TestSeeds(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { schedule(t, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

func schedule(t *testing.T, rnd *rand.Rand) {
	m := newMixed(t)
	policy := []gslb.Policy{roundRobin, euFirst, usFirst}[rnd.IntN(3)]
	m.set(app, policy, eu1)
	m.us.Set(app, k8gbtest.Host{Strategy: policy.Strategy, Primary: policy.Primary, TTL: 30, Addrs: []string{us1}})
	eu, usApp, usDNS := truth{up: true}, truth{up: true}, truth{up: true}
	pass(6 * time.Second)
	var story []string
	for range 40 {
		story = append(story, act(m, rnd, policy, &eu, &usApp, &usDNS))
		for range rnd.IntN(25) {
			pass(200 * time.Millisecond)
			got := m.addrs(app)
			usServes := usApp.surely() && usDNS.surely()
			usMay := usApp.up && usDNS.up || time.Since(usApp.since) < within || time.Since(usDNS.since) < within
			require.False(t, len(got) == 0 && (eu.surely() || usServes), "empty, %s\n%v", time.Since(eu.since), story)
			if eu.surely() || usServes {
				require.False(t, slices.Contains(got, eu1) && !eu.maybe(), "our application is down\n%v", story)
				require.False(t, slices.Contains(got, us1) && !usMay, "the other cluster is down\n%v", story)
			}
			if policy.Primary == "us" && usServes {
				require.Equal(t, []string{us1}, got, "the primary serves\n%v", story)
			}
		}
	}
}

// act breaks or mends one thing, and names it.
func act(m *mixed, rnd *rand.Rand, policy gslb.Policy, eu, usApp, usDNS *truth) string {
	switch rnd.IntN(8) {
	case 0, 1:
		eu.set(!eu.up)
		if eu.up {
			m.set(app, policy, eu1)
		} else {
			m.set(app, policy)
		}
		return fmt.Sprint("ours ", eu.up)
	case 2, 3:
		usApp.set(!usApp.up)
		if usApp.up {
			m.us.SetAddrs(app, us1)
		} else {
			m.us.SetAddrs(app)
		}
		return fmt.Sprint("theirs ", usApp.up)
	case 4:
		usDNS.set(!usDNS.up)
		if usDNS.up {
			m.us.Start()
		} else {
			m.us.Kill()
		}
		return fmt.Sprint("their server ", usDNS.up)
	case 5:
		if time.Now().Before(m.calm) {
			return "nothing" // two starts in a row are more silence than is borne
		}
		until := time.Now().Add(time.Duration(rnd.IntN(2500)) * time.Millisecond)
		m.calm = until.Add(within)
		m.us.Fault(func(string, *dns.Msg) k8gbtest.Act {
			if time.Now().Before(until) {
				return k8gbtest.ServFail
			}
			return k8gbtest.Answer
		})
		return "it says SERVFAIL for a while"
	case 6:
		loss, dice := rnd.IntN(60), rand.New(rand.NewPCG(rnd.Uint64(), 1))
		m.us.Fault(func(network string, _ *dns.Msg) k8gbtest.Act {
			if network == "udp" && dice.IntN(100) < loss {
				return k8gbtest.Drop
			}
			return k8gbtest.Answer
		})
		return fmt.Sprint("packets lost: ", loss, " of 100")
	}
	m.us.Fault(func(string, *dns.Msg) k8gbtest.Act { return k8gbtest.Answer })
	return "calm"
}
