// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// probed is a Store of eu with n hosts whose probes all say up.
type probed struct {
	*gslb.Store
	t    *testing.T
	n    int
	mark uint64
}

func newProbed(t *testing.T, n int, hold time.Duration) *probed {
	t.Helper()
	s, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu", Instance: "one", RemovalHold: hold})
	require.NoError(t, err)
	p := &probed{Store: s, t: t, n: n}
	p.zones(false)
	s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
	for i := range n {
		p.object(i, gslb.Healthy, false)
	}
	run(t, s)
	p.probe(0, n, gslb.Healthy)
	settle()
	return p
}

func (p *probed) zones(allow bool) {
	p.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge, NegTTL: 30, AllowRemoval: allow}})
}

func (p *probed) object(i int, ready gslb.Health, alone bool) {
	o := offer(numbered(i), fmt.Sprint("app", i), 1, fmt.Sprintf("192.0.2.%d", i))
	o.Check = &gslb.Check{Kind: gslb.CheckHTTP, Interval: 5 * time.Second, Alone: alone}
	o.Entries[0].Health, o.Entries[0].Reason = ready, gslb.ReasonReady
	if ready == gslb.Unhealthy {
		o.Entries[0].Reason = gslb.ReasonNotReady
	}
	p.SetObject(o.Source, []*gslb.Offer{o})
}

func (p *probed) probe(from, to int, h gslb.Health) {
	for i := from; i < to; i++ {
		p.SetVerdict(gslb.Verdict{Host: numbered(i), Addr: netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", i)), Health: h})
	}
}

// counts gives how many hosts are healthy as they are, healthy because they are held,
// and neither.
func (p *probed) counts() (healthy, held, down int) {
	settle()
	for h := range p.World().Hosts() {
		switch e := h.Part("eu").Offer.Entries[0]; {
		case e.Reason == gslb.ReasonProbesHeld && e.Health == gslb.Healthy:
			held++
		case e.Health == gslb.Healthy:
			healthy++
		default:
			down++
		}
	}
	assert.Equal(p.t, held, p.World().ProbesHeld.Hosts, "the World says how many are held")
	return healthy, held, down
}

func (p *probed) want(healthy, held, down int, why string) {
	p.t.Helper()
	gotHealthy, gotHeld, gotDown := p.counts()
	assert.Equal(p.t, [3]int{healthy, held, down}, [3]int{gotHealthy, gotHeld, gotDown}, why)
}

// replica hears another instance of eu, whose probes say of the first n hosts what reason says.
func (p *probed) replica(n int, reason gslb.Reason) {
	var all []*gslb.Offer
	for i := range p.n {
		o := offer(numbered(i), fmt.Sprint("app", i), 1, fmt.Sprintf("192.0.2.%d", i))
		if i < n {
			o.Entries[0].Reason = reason
		}
		all = append(all, o)
	}
	require.NoError(p.t, p.SetReport(report("eu", "two", 1, all...)))
	p.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "eu", Instance: "two", At: time.Now()})
}

// peer hears us, which asked our entries.
func (p *probed) peer(answered, silent int) {
	p.mark++
	r := report("us", "i1", p.mark)
	r.Asked = []gslb.Asked{{Cluster: "eu", Answered: answered, Silent: silent}}
	require.NoError(p.t, p.SetReport(r))
	p.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "i1", At: time.Now()})
}

func TestProbesThatFailInAMassFollowTheirTable(t *testing.T) {
	for _, c := range []struct {
		why  string
		n    int
		then func(p *probed)
		want [3]int
	}{
		{"all fail at once and nobody confirms it: the prober is in doubt", 20, func(p *probed) { p.probe(0, 20, gslb.Unhealthy) }, [3]int{0, 20, 0}},
		{"all without any answer", 20, func(p *probed) { p.probe(0, 20, gslb.HealthUnknown) }, [3]int{0, 20, 0}},
		{"ten hosts are no mass", 10, func(p *probed) { p.probe(0, 10, gslb.Unhealthy) }, [3]int{0, 0, 10}},
		{"nor is half of them", 40, func(p *probed) { p.probe(0, 20, gslb.Unhealthy) }, [3]int{20, 0, 20}},
		{"more than half is", 40, func(p *probed) { p.probe(0, 21, gslb.Unhealthy) }, [3]int{19, 21, 0}},
		{"one after another within the window is a mass too, and what went earlier comes back", 20, func(p *probed) {
			for i := range 20 {
				p.probe(i, i+1, gslb.Unhealthy)
				time.Sleep(400 * time.Millisecond)
			}
		}, [3]int{0, 20, 0}},
		{"slower than the window is none", 20, func(p *probed) {
			for i := range 20 {
				p.probe(i, i+1, gslb.Unhealthy)
				time.Sleep(2 * time.Second)
			}
		}, [3]int{0, 0, 20}},
		{"readiness goes down with them: that is the second sign", 20, func(p *probed) {
			for i := range 20 {
				p.object(i, gslb.Unhealthy, false)
			}
			p.probe(0, 20, gslb.Unhealthy)
		}, [3]int{0, 0, 20}},
		{"readiness alone goes down, probes still say up", 20, func(p *probed) {
			for i := range 20 {
				p.object(i, gslb.Unhealthy, false)
			}
		}, [3]int{0, 0, 20}},
		{"readiness goes down of what is held", 20, func(p *probed) {
			p.probe(0, 20, gslb.Unhealthy)
			settle()
			for i := range 5 {
				p.object(i, gslb.Unhealthy, false)
			}
		}, [3]int{0, 15, 5}},
		{"probes alone decide and readiness says up", 20, func(p *probed) {
			for i := range 20 {
				p.object(i, gslb.Healthy, true)
			}
			settle()
			p.probe(0, 20, gslb.Unhealthy)
		}, [3]int{0, 20, 0}},
		{"probes alone decide and readiness is down", 20, func(p *probed) {
			for i := range 20 {
				p.object(i, gslb.Unhealthy, true)
			}
			settle()
			p.probe(0, 20, gslb.Unhealthy)
		}, [3]int{0, 0, 20}},
		{"another instance's probes fail too", 20, func(p *probed) {
			p.replica(20, gslb.ReasonProbeDown)
			p.probe(0, 20, gslb.Unhealthy)
		}, [3]int{0, 0, 20}},
		{"another instance holds them as well: its probes fail too", 20, func(p *probed) {
			p.probe(0, 20, gslb.Unhealthy)
			settle()
			p.replica(20, gslb.ReasonProbesHeld)
		}, [3]int{0, 0, 20}},
		{"another instance finds most of them up", 20, func(p *probed) {
			p.replica(10, gslb.ReasonProbeDown)
			p.probe(0, 20, gslb.Unhealthy)
		}, [3]int{0, 20, 0}},
		{"another cluster asked and got no answer", 20, func(p *probed) {
			p.probe(0, 20, gslb.Unhealthy)
			settle()
			p.peer(0, 20)
		}, [3]int{0, 0, 20}},
		{"another cluster asked and was answered by half", 20, func(p *probed) {
			p.probe(0, 20, gslb.Unhealthy)
			settle()
			p.peer(10, 10)
		}, [3]int{0, 20, 0}},
		{"more fail while some are held", 40, func(p *probed) {
			p.probe(0, 25, gslb.Unhealthy)
			settle()
			p.probe(25, 27, gslb.Unhealthy)
		}, [3]int{13, 27, 0}},
		{"some recover", 20, func(p *probed) {
			p.probe(0, 20, gslb.Unhealthy)
			settle()
			p.probe(0, 5, gslb.Healthy)
		}, [3]int{5, 15, 0}},
		{"the zone lets it through", 20, func(p *probed) {
			p.zones(true)
			p.probe(0, 20, gslb.Unhealthy)
		}, [3]int{0, 0, 20}},
		{"the zone lets it through afterwards", 20, func(p *probed) {
			p.probe(0, 20, gslb.Unhealthy)
			settle()
			p.zones(true)
		}, [3]int{0, 0, 20}},
		{"held for the whole time", 20, func(p *probed) {
			p.probe(0, 20, gslb.Unhealthy)
			time.Sleep(hold + time.Second)
		}, [3]int{0, 0, 20}},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProbed(t, c.n, hold)
				c.then(p)
				p.want(c.want[0], c.want[1], c.want[2], c.why)
			})
		})
	}
}

func TestProbesAreBelievedWithoutAGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbed(t, 20, 0)
		p.probe(0, 20, gslb.Unhealthy)
		p.want(0, 0, 20, "--deletion-guard 0")
	})
}

func TestWhatIsHeldOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbed(t, 20, hold)
		p.probe(0, 20, gslb.Unhealthy)
		settle()
		saved := p.Save()
		next, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu", RemovalHold: hold, Saved: saved})
		require.NoError(t, err)
		run(t, next)
		q := &probed{Store: next, t: t, n: 20}
		q.want(20, 0, 0, "as it counted")
		q.probe(0, 20, gslb.Unhealthy)
		q.want(0, 20, 0, "the new prober is no better")
	})
}

func TestAskingWhatOthersHoldIsSummedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		require.NoError(t, s.SetReport(report("us", "i1", 1, offer(app, "app", 1, "198.51.100.1"))))
		for i := range 5 {
			kind := gslb.HeldSilent
			if i < 2 {
				kind = gslb.HeldAnswered
			}
			s.Sight(gslb.Sighting{Kind: kind, Of: "us", Host: numbered(i), At: time.Now(), ValidFor: 6 * time.Second})
		}
		settle()
		want := []gslb.Asked{{Cluster: "us", Answered: 2, Silent: 3}}
		assert.Equal(t, want, s.World().Asked)
		assert.Equal(t, want, s.World().OwnReport(zone).Asked)
		time.Sleep(7 * time.Second)
		synctest.Wait()
		assert.Empty(t, s.World().Asked, "it is not asked any more")
	})
}
