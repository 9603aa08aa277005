// SPDX-License-Identifier: Apache-2.0

package zoneout_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/dnsserver/zoneout"
	"github.com/meridian-gslb/meridian/internal/tsig"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// listener is a secondary that is notified.
type listener struct {
	t     *testing.T
	key   *tsigkey.Key
	mu    sync.Mutex
	mute  bool
	forge bool // somebody else answers before it
	rcode int
	heard []time.Duration // since the beginning
	last  *dns.Msg
	begin time.Time
}

func (l *listener) exchange(ctx context.Context, _ netip.AddrPort, msg []byte, good func([]byte) bool) error {
	l.mu.Lock()
	l.heard = append(l.heard, time.Since(l.begin).Round(time.Millisecond))
	l.last = new(dns.Msg)
	require.NoError(l.t, l.last.Unpack(msg))
	mute, forge, rcode := l.mute, l.forge, l.rcode
	l.mu.Unlock()
	a := new(dns.Msg).SetRcode(l.last, rcode)
	wire, err := a.Pack()
	require.NoError(l.t, err)
	if forge {
		assert.Equal(l.t, l.key == nil, good(bytes.Clone(wire)), "who does not sign is not believed")
		other := bytes.Clone(wire)
		other[0]++
		assert.False(l.t, good(other), "another ID")
		assert.False(l.t, good(msg), "the question sent back")
		assert.False(l.t, good(wire[:5]), "cut")
	}
	if mute || forge {
		<-ctx.Done()
		return fmt.Errorf("no answer in time")
	}
	if l.key != nil {
		s, err := tsig.Verify(tsigkey.NewKeyring(l.key), msg, time.Now())
		require.NoError(l.t, err, "NOTIFY is signed")
		wire, err = s.Sign(wire, time.Now())
		require.NoError(l.t, err)
	}
	require.True(l.t, good(wire))
	return nil
}

func (l *listener) set(f func(*listener)) { l.mu.Lock(); defer l.mu.Unlock(); f(l) }

// times gives when it heard something since the last call, in seconds.
func (l *listener) times() []float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []float64
	for _, d := range l.heard {
		out = append(out, d.Seconds())
	}
	l.heard, l.begin = nil, time.Now()
	return out
}

func notifying(t *testing.T, l *listener) (*publisher, *prometheus.Registry) {
	reg := prometheus.NewRegistry()
	p := &publisher{t: t, worlds: dnstest.NewWorlds(t, cloud, "other.example.org")}
	p.server = newServer(t, func(c *zoneout.Config) {
		c.Notify = []zoneout.Secondary{{Addr: far, Key: l.key}}
		c.Exchange, c.Registerer = l.exchange, reg
	})
	l.t, l.begin = t, time.Now()
	running(t, p.server)
	return p, reg
}

// change moves the serial of one zone.
func (p *publisher) change(n int) {
	p.t.Helper()
	p.worlds.Set(dnstest.Host{Name: "changing." + cloud, Addrs: []string{fmt.Sprintf("192.0.2.%d", n)}})
	time.Sleep(1100 * time.Millisecond) // of virtual time
	p.publish()
	synctest.Wait()
}

func TestRFC1996_NotifyWhenASerialMoves(t *testing.T) {
	for name, k := range map[string]*tsigkey.Key{"signed": key, "not signed": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &listener{key: k}
				p, reg := notifying(t, l)
				p.publish()
				synctest.Wait()
				assert.Equal(t, []float64{0, 0}, l.times(), "of every zone, at the start")
				p.publish()
				time.Sleep(time.Hour)
				assert.Empty(t, l.times(), "nothing moved: nothing is sent")
				p.change(1)
				assert.Len(t, l.times(), 1, "of the zone that changed")
				m := l.last
				assert.Equal(t, dns.OpcodeNotify, m.Opcode)
				assert.True(t, m.Authoritative)
				assert.False(t, m.Response)
				assert.Equal(t, dns.Question{Name: cloud + ".", Qtype: dns.TypeSOA, Qclass: dns.ClassINET}, m.Question[0])
				require.Len(t, m.Answer, 1)
				assert.Equal(t, p.table.World().Zones[0].Serial, m.Answer[0].(*dns.SOA).Serial, "the SOA as a hint")
				assert.Equal(t, 3.0, notified(t, reg, "taken"))
			})
		})
	}
}

// notified gives how many NOTIFY messages had a result.
func notified(t *testing.T, reg *prometheus.Registry, result string) float64 {
	t.Helper()
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "meridian_zoneout_notifies_total" && m.GetLabel()[0].GetValue() == result {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// TestNotifyIsTriedAgainLessAndLess: a secondary that is away is asked ten times
// within six minutes and then left alone until something changes.
func TestNotifyIsTriedAgainLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{key: key, mute: true}
		p, reg := notifying(t, l)
		p.publish()
		time.Sleep(time.Hour)
		assert.Equal(t, []float64{0, 3, 7, 13, 23, 41, 75, 137, 199, 261}, l.times(), "2 s for each answer, pauses of 1, 2, 4 … 60 s")
		assert.Equal(t, 10.0, notified(t, reg, "silent"))
		p.change(1)
		time.Sleep(time.Hour)
		assert.Len(t, l.times(), 1, "a change is told once more")
		for n := range 20 { // a change a second
			p.change(2 + n)
		}
		assert.LessOrEqual(t, len(l.times()), 2, "but a change a second is not told every second")
		time.Sleep(time.Hour)
		l.times()
		l.set(func(l *listener) { l.mute = false })
		p.change(100)
		assert.Len(t, l.times(), 2, "both zones, when it is back")
		time.Sleep(time.Hour)
		assert.Empty(t, l.times())
		p.change(101)
		assert.Len(t, l.times(), 1, "and all is as before")
	})
}

// TestASecondaryThatComesBackIsToldAtOnce: its own questions show that it is there.
func TestASecondaryThatComesBackIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{key: key, mute: true}
		p, _ := notifying(t, l)
		p.publish()
		time.Sleep(150 * time.Second)
		l.set(func(l *listener) { l.mute = false })
		l.times()
		p.change(1)
		assert.Empty(t, l.times(), "the last attempt was in vain")
		(&secondary{t: t, server: p.server, key: key, from: near}).axfr(cloud)
		synctest.Wait()
		assert.Empty(t, l.times(), "somebody else came")
		(&secondary{t: t, server: p.server, key: key, from: netip.AddrPortFrom(far.Addr(), 40000)}).axfr(cloud)
		synctest.Wait()
		assert.Equal(t, []float64{0, 0}, l.times(), "both zones")
	})
}

func TestWhoSendsTheAnswerOfAnotherStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{key: key, forge: true}
		p, reg := notifying(t, l)
		p.publish()
		time.Sleep(10 * time.Second)
		assert.Equal(t, 3.0, notified(t, reg, "unverified"))
		l.set(func(l *listener) { l.forge = false })
		time.Sleep(time.Hour)
		assert.Equal(t, 2.0, notified(t, reg, "taken"))
	})
}

func TestASecondaryThatRefusesIsNotAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{key: key, rcode: dns.RcodeNotAuth}
		p, reg := notifying(t, l)
		p.publish()
		time.Sleep(time.Hour)
		assert.Equal(t, []float64{0, 0}, l.times())
		assert.Equal(t, 2.0, notified(t, reg, "refused"))
	})
}
