// SPDX-License-Identifier: Apache-2.0

package k8gb_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/k8gbtest"
)

const (
	eu1 = "192.0.2.1"
	us1 = "198.51.100.1"
	us2 = "198.51.100.2"
)

func TestMixedZoneRoundRobin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMixed(t)
		m.set(app, roundRobin, eu1)
		m.us.Set(app, k8gbtest.Host{Strategy: gslb.RoundRobin, TTL: 30, Addrs: []string{us1, us2}})
		pass(10 * time.Second)
		assert.Equal(t, []string{eu1, us1, us2}, m.addrs(app), "we answer all")
		assert.Equal(t, []string{eu1, us1, us2}, m.us.Addrs(app), "so does k8gb")
		assert.Equal(t, gslb.Fresh, m.liveness())
		assert.True(t, m.store.World().Cluster("us").K8gb)

		m.us.SetAddrs(app, us2)
		pass(2 * time.Second)
		assert.Equal(t, []string{eu1, us2}, m.addrs(app), "an address that goes is seen within seconds")
		m.us.SetAddrs(app)
		pass(5 * time.Second)
		assert.Equal(t, []string{eu1}, m.addrs(app), "its application is down")
		assert.Equal(t, gslb.Fresh, m.liveness())
		m.us.SetAddrs(app, us1)
		pass(2 * time.Second)
		assert.Equal(t, []string{eu1, us1}, m.addrs(app), "and back")

		m.set(app, roundRobin)
		pass(6 * time.Second)
		assert.Equal(t, []string{us1}, m.addrs(app), "our application is down")
		assert.Equal(t, []string{us1}, m.us.Addrs(app))
	})
}

func TestMixedZoneFailover(t *testing.T) {
	for _, c := range []struct {
		why     string
		policy  gslb.Policy
		primary []string
		euDown  []string
		usDown  []string
	}{
		{"the primary is ours", euFirst, []string{eu1}, []string{us1}, []string{eu1}},
		{"the primary runs k8gb", usFirst, []string{us1}, []string{us1}, []string{eu1}},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMixed(t)
				m.set(app, c.policy, eu1)
				m.us.Set(app, k8gbtest.Host{Strategy: gslb.Failover, Primary: c.policy.Primary, TTL: 30, Addrs: []string{us1}})
				both := func(want []string, when string) {
					pass(8 * time.Second)
					assert.Equal(t, want, m.addrs(app), "we, %s", when)
					assert.Equal(t, want, m.us.Addrs(app), "k8gb, %s", when)
				}
				both(c.primary, "both healthy")
				m.set(app, c.policy)
				both(c.euDown, "our application down")
				m.set(app, c.policy, eu1)
				both(c.primary, "healthy again")
				m.us.SetAddrs(app)
				both(c.usDown, "the application of k8gb down")
				m.us.SetAddrs(app, us1)
				both(c.primary, "healthy again")
			})
		})
	}
}

func TestADeadK8gbIsLostAndBackSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMixed(t)
		m.set(app, usFirst, eu1)
		m.us.Set(app, k8gbtest.Host{Strategy: gslb.Failover, Primary: "us", TTL: 30, Addrs: []string{us1}})
		pass(5 * time.Second)
		assert.Equal(t, []string{us1}, m.addrs(app))

		m.us.Kill()
		pass(2900 * time.Millisecond)
		assert.Equal(t, []string{us1}, m.addrs(app), "silence for less than the decision changes nothing")
		pass(2100 * time.Millisecond)
		assert.Equal(t, gslb.Lost, m.liveness())
		assert.Equal(t, []string{eu1}, m.addrs(app), "lost within five seconds")
		pass(time.Minute)
		assert.Equal(t, []string{eu1}, m.addrs(app))
		m.set(app, usFirst)
		pass(time.Second)
		assert.Equal(t, []string{us1}, m.addrs(app), "what it offered last is better than nothing")
		m.set(app, usFirst, eu1)

		m.us.SetAddrs(app, us2)
		m.us.Start()
		pass(2 * time.Second)
		assert.Equal(t, gslb.Fresh, m.liveness())
		assert.Equal(t, []string{us2}, m.addrs(app), "what it offers now, never what it offered before")
	})
}

func TestOurDeathIsSeenByK8gbAsByItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMixed(t)
		m.set(app, euFirst, eu1)
		m.us.Set(app, k8gbtest.Host{Strategy: gslb.Failover, Primary: "eu", TTL: 30, Addrs: []string{us1}})
		pass(8 * time.Second)
		assert.Equal(t, []string{eu1}, m.us.Addrs(app))
		m.dead.Store(true)
		pass(10 * time.Second)
		assert.Equal(t, []string{us1}, m.us.Addrs(app))
		m.dead.Store(false)
		pass(10 * time.Second)
		assert.Equal(t, []string{eu1}, m.us.Addrs(app))
	})
}

// What k8gb itself does not survive: two lost packets in a row, a server that starts.
func TestWhatIsNoAnswerChangesNothing(t *testing.T) {
	for _, c := range []struct {
		why   string
		fault func() func(network string, q *dns.Msg) k8gbtest.Act
		noTCP bool
	}{
		{"two packets of three are lost", func() func(string, *dns.Msg) k8gbtest.Act {
			n := 0
			return func(network string, _ *dns.Msg) k8gbtest.Act {
				if n++; network == "udp" && n%3 > 0 {
					return k8gbtest.Drop
				}
				return k8gbtest.Answer
			}
		}, false},
		{"every second packet of a question is lost, and there is no TCP", func() func(string, *dns.Msg) k8gbtest.Act {
			// Of each question: if others counted too, every sign of life could be the one that is lost.
			n := map[dns.Question]int{}
			return func(_ string, q *dns.Msg) k8gbtest.Act {
				if n[q.Question[0]]++; n[q.Question[0]]%2 > 0 {
					return k8gbtest.Drop
				}
				return k8gbtest.Answer
			}
		}, true},
		{"UDP is not answered at all", func() func(string, *dns.Msg) k8gbtest.Act {
			return func(network string, _ *dns.Msg) k8gbtest.Act {
				if network == "udp" {
					return k8gbtest.Drop
				}
				return k8gbtest.Answer
			}
		}, false},
		{"hosts are answered SERVFAIL for twenty seconds", func() func(string, *dns.Msg) k8gbtest.Act {
			began := time.Now()
			return func(_ string, q *dns.Msg) k8gbtest.Act {
				if q.Question[0].Qtype == dns.TypeA && time.Since(began) < 20*time.Second {
					return k8gbtest.ServFail
				}
				return k8gbtest.Answer
			}
		}, false},
		{"the server starts anew: SERVFAIL to everything for three seconds", func() func(string, *dns.Msg) k8gbtest.Act {
			began := time.Now()
			return func(string, *dns.Msg) k8gbtest.Act {
				if time.Since(began) < 3*time.Second {
					return k8gbtest.ServFail
				}
				return k8gbtest.Answer
			}
		}, false},
		{"for a second it knows no names", func() func(string, *dns.Msg) k8gbtest.Act {
			began := time.Now()
			return func(string, *dns.Msg) k8gbtest.Act {
				if time.Since(began) < 1500*time.Millisecond {
					return k8gbtest.Nothing
				}
				return k8gbtest.Answer
			}
		}, false},
		{"over UDP anybody can say that there are no names", func() func(string, *dns.Msg) k8gbtest.Act {
			return func(network string, _ *dns.Msg) k8gbtest.Act {
				if network == "udp" {
					return k8gbtest.Nothing
				}
				return k8gbtest.Answer
			}
		}, false},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMixed(t)
				m.set(app, usFirst, eu1)
				m.us.Set(app, k8gbtest.Host{Strategy: gslb.Failover, Primary: "us", TTL: 30, Addrs: []string{us1}})
				if c.noTCP {
					m.net.NoTCP()
				}
				pass(8 * time.Second)
				m.us.Fault(c.fault())
				for range 300 {
					pass(100 * time.Millisecond)
					if !assert.Equal(t, []string{us1}, m.addrs(app)) {
						return
					}
				}
			})
		})
	}
}

func TestNegativesThatCountAndThoseThatDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMixed(t)
		m.set(app, usFirst, eu1)
		m.us.Set(app, k8gbtest.Host{Strategy: gslb.Failover, Primary: "us", TTL: 30, Addrs: []string{us1}})
		pass(5 * time.Second)
		m.us.SetAddrs(app)
		began := time.Now()
		for len(m.addrs(app)) != 1 || m.addrs(app)[0] != eu1 {
			pass(50 * time.Millisecond)
		}
		assert.GreaterOrEqual(t, time.Since(began), 2*time.Second, "two answers, two seconds apart")
		assert.LessOrEqual(t, time.Since(began), 3500*time.Millisecond)

		m.us.SetAddrs(app, us1)
		pass(3 * time.Second)
		m.net.NoTCP()
		pass(3 * time.Second)
		assert.Equal(t, []string{us1}, m.addrs(app), "over UDP alone addresses are taken")
		m.us.SetAddrs(app)
		pass(10 * time.Second)
		assert.Equal(t, []string{us1}, m.addrs(app), "and none are not")
		pass(30 * time.Second)
		assert.Equal(t, []string{eu1}, m.addrs(app), "in the end its health is unknown, which is worth less than ours")
		m.set(app, usFirst)
		pass(time.Second)
		assert.Equal(t, []string{us1}, m.addrs(app), "and more than nothing")
	})
}

func TestWhatFailedWhileItWasDeadIsNotBelievedOnItsReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMixed(t)
		m.set(app, usFirst, eu1)
		m.us.Set(app, k8gbtest.Host{Strategy: gslb.Failover, Primary: "us", TTL: 30, Addrs: []string{us1}})
		pass(5 * time.Second)
		m.us.Kill()
		pass(20 * time.Second)
		m.us.SetAddrs(app)
		m.us.Start()
		for range 100 {
			pass(100 * time.Millisecond)
			if !assert.Equal(t, []string{eu1}, m.addrs(app), "its first denial is worth more than what it offered before") {
				return
			}
		}
		assert.Equal(t, gslb.Fresh, m.liveness())
	})
}
