// SPDX-License-Identifier: Apache-2.0

package k8gb_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/k8gbtest"
	"github.com/meridian-gslb/meridian/peers/k8gb"
)

// told gives what was told of clusters that run k8gb so far.
func (m *meridian) told() (out []string) {
	for {
		select {
		case s := <-m.foreign:
			out = append(out, s)
		default:
			return out
		}
	}
}

func TestWhoRunsK8gbIsToldByEvidence(t *testing.T) {
	for _, c := range []struct {
		why  string
		us   func(m *mixed) // what stands at the name server of us
		want []string
	}{
		{"answers for the zone, and passes signatures over", func(*mixed) {}, []string{"us true"}},
		{"Meridian answers signatures", func(m *mixed) { m.net.Listen(usAt, m.meridian) }, nil},
		{"nobody answers", func(m *mixed) { m.us.Kill() }, nil},
		{"does not know the zone", func(m *mixed) {
			m.us.Fault(func(string, *dns.Msg) k8gbtest.Act { return k8gbtest.ServFail })
		}, nil},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stands := make(chan struct{}) // nobody is asked before it stands there
				m := newMixed(t, func(cfg *k8gb.Config) {
					dial := cfg.Dial
					cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
						<-stands
						return dial(ctx, network, addr)
					}
				})
				c.us(m)
				close(stands)
				pass(12 * time.Second)
				assert.Equal(t, c.want, m.told())
				assert.Len(t, m.asker.Clusters(), len(c.want))
			})
		})
	}
}

// Before it is known what the clusters that run k8gb offer, nothing is answered: the
// first answer of a failover must not be that of the secondary.
func TestTheFirstAnswerWaitsForK8gb(t *testing.T) {
	for _, static := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := newMixed(t, func(c *k8gb.Config) {
				if static {
					c.Static = map[gslb.GeoTag][]string{"us": {usAt}}
				}
			})
			m.set(app, usFirst, eu1)
			m.us.Set(app, k8gbtest.Host{Strategy: gslb.Failover, Primary: "us", TTL: 30, Addrs: []string{us1}})
			for range 100 {
				pass(20 * time.Millisecond)
				if table := m.table.Load(); table != nil && table.Ready() {
					require.Equal(t, []string{us1}, m.addrs(app), "static: %t", static)
				}
			}
			assert.True(t, m.table.Load().Ready())
		})
	}
}

func TestAServerWithoutTCPIsKnownByUDP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMixed(t)
		m.net.NoTCP()
		pass(12 * time.Second)
		assert.Equal(t, []string{"us true"}, m.told())
	})
}

func TestMeridianTakesThePlaceOfK8gb(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMixed(t)
		m.set(app, usFirst, eu1)
		m.us.Set(app, k8gbtest.Host{Strategy: gslb.Failover, Primary: "us", TTL: 30, Addrs: []string{us1}})
		pass(5 * time.Second)
		require.Equal(t, []string{us1}, m.addrs(app))
		require.Equal(t, []string{"us true"}, m.told())

		m.net.Listen(usAt, m.meridian) // it answers signatures from now on
		pass(6 * time.Second)
		assert.Equal(t, []string{"us false"}, m.told(), "the exchange between clusters has it now")
		assert.Empty(t, m.asker.Clusters())

		signed := &gslb.Report{Cluster: "us", ClusterID: "id-us", Instance: "b", Zone: zone, EdgeZone: edgeZone, Mark: 1, Hears: []gslb.GeoTag{"eu"}}
		require.NoError(t, m.store.SetReport(signed))
		m.store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "b", At: time.Now()})
		pass(time.Second)
		assert.False(t, m.store.World().Cluster("us").K8gb)

		m.net.Listen(usAt, m.us)
		pass(time.Minute)
		assert.Empty(t, m.asker.Clusters(), "who signed once is not believed without a signature: somebody else may answer in its place")
	})
}

func TestConfiguredClustersAreAskedWithoutAnEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := "203.0.113.7:5053"
		m := newMixed(t, func(c *k8gb.Config) { c.Static = map[gslb.GeoTag][]string{"us": {at}} })
		m.net.Listen(at, m.us)
		m.set(app, roundRobin, eu1)
		m.us.Set(app, k8gbtest.Host{Strategy: gslb.RoundRobin, TTL: 30, Addrs: []string{us1}})
		pass(4 * time.Second)
		assert.Equal(t, []string{eu1, us1}, m.addrs(app))
		c := m.asker.Clusters()
		require.Len(t, c, 1)
		assert.Equal(t, []string{at}, c[0].Addresses)
		assert.Equal(t, 1, c[0].Hosts)
	})
}

func TestNameServersThatGoAreAskedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone atomic.Bool
		ns := gslb.NameServer{Name: gslb.MustName("gslb-ns-us-cloud.example.com"), Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.53")}}
		m := newMixed(t, func(c *k8gb.Config) {
			c.Discover = func(context.Context, gslb.Zone) ([]gslb.NameServer, error) {
				if gone.Load() {
					return nil, errors.New("the edge does not answer")
				}
				return []gslb.NameServer{ns, {Name: gslb.MustName("ns.provider.example"), Addrs: ns.Addrs}, {Name: gslb.MustName("gslb-ns-eu-cloud.example.com"), Addrs: ns.Addrs}}, nil
			}
		})
		m.set(app, roundRobin, eu1)
		m.us.Set(app, k8gbtest.Host{Strategy: gslb.RoundRobin, TTL: 30, Addrs: []string{us1}})
		pass(5 * time.Second)
		assert.Equal(t, []string{"us true"}, m.told(), "neither we nor who is no cluster")
		gone.Store(true)
		pass(5 * time.Minute)
		assert.Equal(t, []string{eu1, us1}, m.addrs(app))
	})
}

func TestOneAddressOfSeveralIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMixed(t, func(c *k8gb.Config) {
			c.Static = map[gslb.GeoTag][]string{"us": {"203.0.113.1:53", "203.0.113.2:53", usAt, "203.0.113.3:53"}}
		})
		m.set(app, usFirst, eu1)
		m.us.Set(app, k8gbtest.Host{Strategy: gslb.Failover, Primary: "us", TTL: 30, Addrs: []string{us1}})
		pass(5 * time.Second)
		assert.Equal(t, []string{us1}, m.addrs(app))
		m.net.Listen("203.0.113.2:53", m.us)
		m.net.Listen(usAt, nil)
		for range 100 {
			pass(100 * time.Millisecond)
			require.Equal(t, []string{us1}, m.addrs(app), "another address takes over before anything is decided")
		}
	})
}

func TestOnlyZonesThatItServesAreAskedOfACluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := gslb.MustName("second.example.com")
		there := gslb.MustName("app.second.example.com")
		var both atomic.Bool
		m := newMixed(t, func(c *k8gb.Config) {
			c.Discover = func(_ context.Context, z gslb.Zone) ([]gslb.NameServer, error) {
				if z.Zone == second && !both.Load() {
					return nil, nil
				}
				ns, err := gslb.NameServerName("us", z.Zone, z.EdgeZone)
				return []gslb.NameServer{{Name: ns, Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.53")}}}, err
			}
		})
		m.store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edgeZone, NegTTL: 30}, {Zone: second, EdgeZone: edgeZone, NegTTL: 30}})
		m.set(app, roundRobin, eu1)
		m.set(there, roundRobin, eu1)
		m.us.Set(app, k8gbtest.Host{Strategy: gslb.RoundRobin, TTL: 30, Addrs: []string{us1}})
		pass(20 * time.Second)
		assert.Equal(t, []string{eu1, us1}, m.addrs(app))
		assert.Zero(t, m.us.Asked("localtargets-app.second.example.com."))
		assert.Len(t, m.store.World().Zone(second).NameServers, 1, "ours")

		both.Store(true)
		pass(2 * time.Minute)
		assert.Positive(t, m.us.Asked("localtargets-app.second.example.com."), "it was delegated to as well")
		assert.Len(t, m.store.World().Zone(second).NameServers, 2)

		m.store.SetZones([]gslb.ZoneIntent{{Zone: second, EdgeZone: edgeZone, NegTTL: 30}})
		pass(5 * time.Second)
		before := m.us.Asked("localtargets-app.cloud.example.com.")
		pass(time.Minute)
		assert.Equal(t, before, m.us.Asked("localtargets-app.cloud.example.com."), "the zone is not ours any more")
	})
}

// TestManyHostsWithinTheBudget asks for a thousand hosts, of which some change.
func TestManyHostsWithinTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMixed(t)
		name := func(i int) gslb.Name { return gslb.MustName(fmt.Sprintf("h%d.cloud.example.com", i)) }
		const hosts = 1000
		for i := range hosts {
			m.set(name(i), roundRobin, eu1)
			m.us.Set(name(i), k8gbtest.Host{Strategy: gslb.RoundRobin, TTL: 30, Addrs: []string{us1}})
		}
		pass(30 * time.Second)
		for i := range hosts {
			require.Equal(t, []string{eu1, us1}, m.addrs(name(i)))
		}
		asked := func() (n int) {
			for i := range hosts {
				n += m.us.Asked("localtargets-" + name(i).FQDN())
			}
			return n
		}
		before := asked()
		pass(10 * time.Second)
		assert.InDelta(t, 800, asked()-before, 100, "within 100 a second, four fifths of them for what does not change")

		m.us.SetAddrs(name(7), us2)
		pass(13 * time.Second)
		require.Equal(t, []string{eu1, us2}, m.addrs(name(7)), "within a round")
		m.us.SetAddrs(name(7), us1)
		pass(1500 * time.Millisecond)
		assert.Equal(t, []string{eu1, us1}, m.addrs(name(7)), "what changed is asked first")

		m.set(gslb.MustName("new.cloud.example.com"), roundRobin, eu1)
		m.us.Set(gslb.MustName("new.cloud.example.com"), k8gbtest.Host{Strategy: gslb.RoundRobin, TTL: 30, Addrs: []string{us2}})
		pass(500 * time.Millisecond)
		assert.Equal(t, []string{eu1, us2}, m.addrs(gslb.MustName("new.cloud.example.com")), "what is new is asked at once")

		m.unset(name(8))
		pass(time.Second)
		before = m.us.Asked("localtargets-" + name(8).FQDN())
		pass(30 * time.Second)
		assert.Equal(t, before, m.us.Asked("localtargets-"+name(8).FQDN()), "who is gone is not asked for")
		assert.Nil(t, m.store.World().Host(name(8)))
	})
}

func TestEveryApplicationOfK8gbDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMixed(t)
		name := func(i int) gslb.Name { return gslb.MustName(fmt.Sprintf("h%d.cloud.example.com", i)) }
		for i := range 50 {
			m.set(name(i), usFirst, eu1)
			m.us.Set(name(i), k8gbtest.Host{Strategy: gslb.Failover, Primary: "us", TTL: 30, Addrs: []string{us1}})
		}
		pass(5 * time.Second)
		for i := range 50 {
			m.us.SetAddrs(name(i))
		}
		pass(5 * time.Second)
		for i := range 50 {
			require.Equal(t, []string{eu1}, m.addrs(name(i)), "it said so twice for each: that is no mishap of a list")
		}
		assert.Empty(t, m.store.World().Held)
	})
}

// An entry check asks the entries of a silent cluster as a client would; k8gb does not
// tell how, our own object of the host does.
func TestEntriesCanBeAskedAsOurOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMixed(t)
		m.set(app, usFirst, eu1)
		m.us.Set(app, k8gbtest.Host{Strategy: gslb.Failover, Primary: "us", TTL: 30, Addrs: []string{us1}})
		pass(5 * time.Second)
		e := m.store.World().Host(app).Part("us").Offer.Entries
		require.Len(t, e, 1)
		assert.Equal(t, gslb.Ask{Scheme: "http", Port: 80, Path: "/"}, e[0].Ask)

		m.us.Kill()
		for range 20 { // its ingress answers
			m.store.Sight(gslb.Sighting{Kind: gslb.EntryAnswered, Of: "us", Host: app, At: time.Now()})
			pass(time.Second)
		}
		assert.Equal(t, gslb.Lost, m.liveness())
		assert.Equal(t, []string{us1}, m.addrs(app), "the host is vouched for")
	})
}

func TestWhatAConfigurationNeeds(t *testing.T) {
	for _, c := range []struct {
		why  string
		cfg  k8gb.Config
		want string
	}{
		{"nothing", k8gb.Config{}, "needs Self, Store, Worlds and Log"},
	} {
		_, err := k8gb.New(c.cfg)
		assert.ErrorContains(t, err, c.want, c.why)
	}
}
