// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestWaitsFollowTheirTable(t *testing.T) {
	host, addr := MustName("app.cloud.example.com"), netip.MustParseAddr("192.0.2.1")
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	type step struct {
		at     time.Duration
		health Health
		reason Reason // of the entry; "" means Ready or NotReady
		want   Reason // "" means that it does not wait
		until  time.Duration
	}
	up := func(at time.Duration) step { return step{at: at, health: Healthy} }
	down := func(at time.Duration) step { return step{at: at, health: Unhealthy} }
	waits := func(at time.Duration, why Reason, until time.Duration) step {
		return step{at: at, health: Healthy, want: why, until: until}
	}
	const s = time.Second
	for _, c := range []struct {
		why   string
		delay time.Duration
		steps []step
	}{
		{"once down and up again: at once", 0, []step{up(0), down(10 * s), up(11 * s)}},
		{"twice", 0, []step{up(0), down(1 * s), up(2 * s), down(3 * s), up(4 * s)}},
		{"three falls within a minute: 5 s", 0, []step{up(0), down(1 * s), up(2 * s), down(3 * s), up(4 * s), down(5 * s), waits(6*s, ReasonFlapping, 11*s), waits(10*s, ReasonFlapping, 11*s), up(11 * s)}},
		{"and twice as long for each fall more, up to a minute", 0, []step{
			up(0), down(1 * s), up(2 * s), down(3 * s), up(4 * s), down(5 * s), waits(6*s, ReasonFlapping, 11*s),
			down(7 * s), waits(8*s, ReasonFlapping, 18*s), down(9 * s), waits(10*s, ReasonFlapping, 30*s),
			down(11 * s), waits(12*s, ReasonFlapping, 52*s), down(13 * s), waits(14*s, ReasonFlapping, 74*s), down(15 * s), waits(16*s, ReasonFlapping, 76*s), up(76 * s),
		}},
		{"three falls spread over more than a minute", 0, []step{up(0), down(1 * s), up(2 * s), down(30 * s), up(31 * s), down(62 * s), up(63 * s)}},
		{"a delay that the policy asks for", time.Minute, []step{up(0), down(10 * s), waits(20*s, ReasonReturning, 80*s), waits(79*s, ReasonReturning, 80*s), up(80 * s)}},
		{"a fall while it waits begins anew", time.Minute, []step{up(0), down(10 * s), waits(20*s, ReasonReturning, 80*s), down(70 * s), waits(71*s, ReasonReturning, 131*s)}},
		{"the longer wait counts", 6 * s, []step{
			up(0), down(1 * s), waits(2*s, ReasonReturning, 8*s), down(3 * s), waits(4*s, ReasonReturning, 10*s), down(5 * s), waits(6*s, ReasonReturning, 12*s),
			down(7 * s), waits(8*s, ReasonFlapping, 18*s),
		}},
		{"unhealthy from the beginning: it returns, and never fell", time.Minute, []step{down(0), waits(5*s, ReasonReturning, 65*s)}},
		{"healthy from the beginning", time.Minute, []step{up(0), up(1 * s)}},
		{"unknown between is neither", time.Minute, []step{up(0), down(1 * s), {at: 2 * s, health: HealthUnknown}, waits(3*s, ReasonReturning, 63*s), {at: 4 * s, health: HealthUnknown}, waits(5*s, ReasonReturning, 63*s)}},
		{"drained and undrained by hand", time.Minute, []step{up(0), {at: s, health: Unhealthy, reason: ReasonDrained}, up(2 * s)}},
		{"forced by hand", time.Minute, []step{up(0), down(1 * s), {at: 2 * s, health: Healthy, reason: ReasonForced}, up(3 * s)}},
	} {
		t.Run(c.why, func(t *testing.T) {
			d, was := newDamper(), HealthUnknown
			for _, st := range c.steps {
				e := Entry{Addr: addr, Health: st.health, Reason: st.reason}
				why, until := d.judge(host, &e, was, c.delay, start.Add(st.at))
				assert.Equal(t, st.want, why, "at %s", st.at)
				if st.want != "" {
					assert.Equal(t, st.until, until.Sub(start), "at %s", st.at)
				}
				again, _ := d.judge(host, &e, st.health, c.delay, start.Add(st.at))
				assert.Equal(t, why, again, "at %s: judged again in the same moment", st.at)
				d.forget(host, []Entry{e}, []Entry{e}, start.Add(st.at))
				was = st.health
			}
		})
	}
}

func TestWhatIsCalmIsForgotten(t *testing.T) {
	host, addr := MustName("app.cloud.example.com"), netip.MustParseAddr("192.0.2.1")
	d, now := newDamper(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	down, up := Entry{Addr: addr, Health: Unhealthy}, Entry{Addr: addr, Health: Healthy}
	d.judge(host, &down, Healthy, 0, now)
	d.judge(host, &up, Unhealthy, 0, now.Add(time.Second))
	d.forget(host, []Entry{up}, []Entry{up}, now.Add(time.Second))
	assert.Len(t, d.entries, 1, "it fell, which counts for a minute")
	d.judge(host, &up, Healthy, 0, now.Add(2*time.Minute))
	d.forget(host, []Entry{up}, []Entry{up}, now.Add(2*time.Minute))
	assert.Empty(t, d.entries)

	d.judge(host, &down, Healthy, 0, now)
	d.forget(host, []Entry{down}, nil, now)
	assert.Empty(t, d.entries, "the host has the entry no more")
}
