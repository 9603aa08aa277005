// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/gslb"
)

// base is an arbitrary moment; evidence is written as seconds from it.
var base = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return base.Add(time.Duration(seconds * float64(time.Second))) }

func TestAssess(t *testing.T) {
	timing := gslb.DefaultTiming()
	heard := func(e gslb.Evidence) gslb.Evidence {
		e.Known, e.Heard = at(-100), at(0)
		return e
	}
	for _, c := range []struct {
		why   string
		e     gslb.Evidence
		now   float64
		want  gslb.Liveness
		by    gslb.SightingKind
		alarm bool
		until float64 // 0: never
	}{
		{"just heard; the alarm is the next thing to happen", heard(gslb.Evidence{}), 1, gslb.Fresh, 0, false, 2},
		{"two seconds silent: the alarm goes up, nothing else changes", heard(gslb.Evidence{}), 2, gslb.Fresh, 0, true, 3},
		{"three seconds: doubtful", heard(gslb.Evidence{}), 3, gslb.Doubtful, 0, true, 4.5},
		{"just before the decision", heard(gslb.Evidence{}), 4.49, gslb.Doubtful, 0, true, 4.5},
		{"nobody vouches", heard(gslb.Evidence{}), 4.5, gslb.Lost, 0, true, 0},
		{"a third cluster vouches for as long as it does", heard(gslb.Evidence{Third: "ap"}), 4.5, gslb.Vouched, gslb.ThirdCluster, true, 0},
		{"its heartbeat goes on", heard(gslb.Evidence{Beat: at(3), BeatFor: 15 * time.Second}), 4.5, gslb.Vouched, gslb.Heartbeat, true, 18},
		{"its heartbeat stopped", heard(gslb.Evidence{Beat: at(3), BeatFor: 15 * time.Second}), 18, gslb.Lost, 0, true, 0},
		{"its heartbeat is of an earlier cut: it was heard after that", heard(gslb.Evidence{Beat: at(-1), BeatFor: 15 * time.Second}), 4.5, gslb.Lost, 0, true, 0},
		{"a signed BADTIME is a sign of life", heard(gslb.Evidence{BadTime: at(4)}), 5, gslb.Vouched, gslb.SignedBadTime, true, 8.5},
		{"an old one is not", heard(gslb.Evidence{BadTime: at(0.1)}), 5, gslb.Lost, 0, true, 0},
		{"keys apart: vouched", heard(gslb.Evidence{BadSigFirst: at(1), BadSig: at(100)}), 101, gslb.Vouched, gslb.BadSignature, true, 104.5},
		{"keys apart for longer than the bound: lost", heard(gslb.Evidence{BadSigFirst: at(1), BadSig: at(301)}), 302, gslb.Lost, 0, true, 0},
		{"we are cut off ourselves", heard(gslb.Evidence{IsolatedSince: at(4.5)}), 5, gslb.Vouched, gslb.Isolation, true, 304.5},
		{"cut off for too long", heard(gslb.Evidence{IsolatedSince: at(4.5)}), 304.5, gslb.Lost, 0, true, 0},
		{"lost before we were cut off stays lost", heard(gslb.Evidence{IsolatedSince: at(50), Prior: gslb.Lost}), 51, gslb.Lost, 0, true, 0},
		{"a third cluster is the strongest witness", heard(gslb.Evidence{Third: "ap", Beat: at(3), BeatFor: time.Minute}), 5, gslb.Vouched, gslb.ThirdCluster, true, 0},
		{"an announced restart keeps the offers for a minute, without alarm", heard(gslb.Evidence{Announcement: gslb.Pausing}), 59, gslb.Vouched, gslb.Announced, false, 60},
		{"a restart that never ends", heard(gslb.Evidence{Announcement: gslb.Pausing}), 60, gslb.Lost, 0, true, 0},
		{"goodbye counts at once", heard(gslb.Evidence{Announcement: gslb.Leaving}), 0.1, gslb.Left, 0, false, 0},
		{"it hears others but not us: our alarm goes up though we hear it", heard(gslb.Evidence{LacksUs: at(-1.5)}), 0.5, gslb.Fresh, 0, true, 3},
		{"it lacks us since a moment only", heard(gslb.Evidence{LacksUs: at(0)}), 0.5, gslb.Fresh, 0, false, 2},
		{"known by name only: waited for", gslb.Evidence{Known: at(0)}, 1, gslb.Unheard, 0, false, 2},
		{"known by name only, given up", gslb.Evidence{Known: at(0)}, 4.5, gslb.Lost, 0, true, 0},
		{"known by name only, but a third cluster hears it", gslb.Evidence{Known: at(0), Third: "ap"}, 4.5, gslb.Vouched, gslb.ThirdCluster, true, 0},
	} {
		t.Run(c.why, func(t *testing.T) {
			got := timing.Assess(c.e, at(c.now))
			assert.Equal(t, c.want.String(), got.Liveness.String())
			assert.Equal(t, c.by.String(), got.Witness.Kind.String())
			assert.Equal(t, c.alarm, got.Alarm, "alarm")
			if c.until == 0 {
				assert.Zero(t, got.Until, "until")
			} else {
				assert.Equal(t, at(c.until), got.Until, "until")
			}
		})
	}
}

// TestAssessNamesItsNextChange: between now and Until nothing changes, at Until
// something may; so a loop that sleeps until Until misses nothing.
func TestAssessNamesItsNextChange(t *testing.T) {
	timing := gslb.DefaultTiming()
	for _, e := range []gslb.Evidence{
		{Heard: at(0)},
		{Heard: at(0), Beat: at(3), BeatFor: 15 * time.Second},
		{Heard: at(0), BadTime: at(4)},
		{Heard: at(0), LacksUs: at(0.3)},
		{Heard: at(0), Announcement: gslb.Pausing},
		{Heard: at(0), IsolatedSince: at(4)},
		{Known: at(0)},
	} {
		e.Known = at(0)
		was := timing.Assess(e, at(0))
		for ms := 1; ms < 400_000; ms += 100 {
			now := at(float64(ms) / 1000)
			s := timing.Assess(e, now)
			if s.Liveness != was.Liveness || s.Alarm != was.Alarm {
				assert.False(t, was.Until.IsZero() || was.Until.After(now), "%+v changed at %v, announced for %v", e, now.Sub(base), was.Until.Sub(base))
			}
			was = s
		}
	}
}
