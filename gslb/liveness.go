// SPDX-License-Identifier: Apache-2.0

package gslb

import "time"

// Timing holds the thresholds of agreement.md §4. The zero value is not
// usable; start from [DefaultTiming].
type Timing struct {
	Alarm      time.Duration // silence after which we raise our alarm at the edge
	Lease      time.Duration // silence after which a cluster is doubtful
	Decide     time.Duration // silence after which it is vouched or lost
	Pause      time.Duration // how long an announced restart keeps the offers
	SplitBrain time.Duration // bound of isolation and of signature trouble
	Outside    time.Duration // how long an answer from outside shows that we are not cut off
}

// DefaultTiming gives the agreed thresholds.
func DefaultTiming() Timing {
	return Timing{
		Alarm:      2 * time.Second,
		Lease:      3 * time.Second,
		Decide:     4500 * time.Millisecond,
		Pause:      time.Minute,
		SplitBrain: 5 * time.Minute,
		Outside:    2 * time.Second,
	}
}

// Evidence is all that is known about whether a peer lives. Times are by our
// own clock; zero times mean never.
type Evidence struct {
	Known         time.Time     // since when we know that the cluster exists
	Restored      bool          // its offers are those of a saved world, in which it was not lost
	Heard         time.Time     // last heard first-hand
	LacksUs       time.Time     // since when its list of those it hears lacks us, though we hear it
	Third         GeoTag        // a fresh cluster that hears it first-hand, ours where another instance does; "" if none
	Beat          time.Time     // when it lived, by a heartbeat that names us
	BeatFor       time.Duration // how long that vouches
	BadTime       time.Time     // last signed BADTIME
	BadSig        time.Time     // last unsigned BADKEY or BADSIG
	BadSigFirst   time.Time     // first of an unbroken row of those
	Announcement  Announcement  // what it last announced
	IsolatedSince time.Time     // since when we are cut off ourselves
	Prior         Liveness      // what it was until now
}

// Standing is what Assess concludes.
type Standing struct {
	Liveness Liveness
	Witness  Witness   // who holds, when Vouched
	Alarm    bool      // we should tell the edge that we miss it
	Until    time.Time // when time alone may change this; zero: never
}

// Assess is the one place that decides whether a peer is believed.
//
//	announced | silence since heard       | a witness holds | becomes
//	leave     | any                       | –               | left
//	–         | never heard, < Decide     | –               | unheard; doubtful if its offers were restored
//	–         | < Lease                   | –               | fresh
//	–         | < Decide                  | –               | doubtful
//	–         | ≥ Decide                  | yes             | vouched
//	–         | ≥ Decide                  | no              | lost
//	pause     | Lease ≤ silence < Pause   | –               | vouched (announced)
//
// Witnesses, strongest first: a third cluster; the heartbeat while it goes on, if
// it shows the cluster alive after we heard it last; a signed BADTIME within Decide; unsigned signature trouble for at most
// SplitBrain; our own isolation for at most SplitBrain, unless the cluster was
// lost before we were cut off.
//
// The alarm is raised after Alarm of silence, or when the cluster has lacked us
// in its list for that long; not for one that paused or left.
func (t Timing) Assess(e Evidence, now time.Time) Standing {
	if e.Announcement == Leaving {
		return Standing{Liveness: Left}
	}
	from, heard := e.Heard, !e.Heard.IsZero()
	if !heard {
		from = e.Known
	}
	silence := now.Sub(from)
	s := Standing{}
	switch {
	case heard && silence < t.Lease:
		s.Liveness, s.Until = Fresh, from.Add(t.Lease)
	case heard && e.Announcement == Pausing && silence < t.Pause:
		s.Liveness, s.Until = Vouched, from.Add(t.Pause)
		s.Witness = Witness{Kind: Announced}
		return s
	case silence < t.Decide && (heard || e.Restored):
		s.Liveness, s.Until = Doubtful, from.Add(t.Decide)
	case silence < t.Decide:
		s.Liveness, s.Until = Unheard, from.Add(t.Decide)
	default:
		s = t.decide(e, now)
	}
	t.raise(e, silence, now, &s)
	return s
}

// raise sets the alarm and the moment at which it would be raised.
func (t Timing) raise(e Evidence, silence time.Duration, now time.Time, s *Standing) {
	if e.Announcement == Pausing && silence < t.Pause {
		return
	}
	at := now.Add(t.Alarm - silence)
	if lacks := e.LacksUs; !lacks.IsZero() && lacks.Add(t.Alarm).Before(at) {
		at = lacks.Add(t.Alarm)
	}
	if !at.After(now) {
		s.Alarm = true
		return
	}
	if s.Until.IsZero() || at.Before(s.Until) {
		s.Until = at
	}
}

// decide names the strongest witness that holds.
func (t Timing) decide(e Evidence, now time.Time) Standing {
	if e.Third != "" {
		return Standing{Liveness: Vouched, Witness: Witness{Kind: ThirdCluster, By: e.Third}}
	}
	vouched := func(kind SightingKind, until time.Time) (Standing, bool) {
		return Standing{Liveness: Vouched, Witness: Witness{Kind: kind}, Until: until}, until.After(now)
	}
	// What was alive when we heard it last is no news: an alarm of an earlier cut
	// must not hold a cluster that died after it healed.
	if e.Beat.After(e.Heard) {
		if s, ok := vouched(Heartbeat, e.Beat.Add(e.BeatFor)); ok {
			return s
		}
	}
	if !e.BadTime.IsZero() {
		if s, ok := vouched(SignedBadTime, e.BadTime.Add(t.Decide)); ok {
			return s
		}
	}
	if !e.BadSig.IsZero() {
		until := e.BadSig.Add(t.Decide)
		if end := e.BadSigFirst.Add(t.SplitBrain); end.Before(until) {
			until = end
		}
		if s, ok := vouched(BadSignature, until); ok {
			return s
		}
	}
	if !e.IsolatedSince.IsZero() && e.Prior != Lost {
		if s, ok := vouched(Isolation, e.IsolatedSince.Add(t.SplitBrain)); ok {
			return s
		}
	}
	return Standing{Liveness: Lost}
}
