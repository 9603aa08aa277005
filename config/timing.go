// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/meridian-gslb/meridian/gslb"
)

// Timing is when a silent cluster is missed, doubted and given up, and how often its
// entries are asked. All clusters should say the same.
type Timing struct {
	AlarmAfter time.Duration
	Lease      time.Duration
	LostAfter  time.Duration
	SplitBrain time.Duration
	EntryCheck time.Duration // between two questions to an entry that answers
}

// Bounds. Peers speak once a second on each of two connections; a word that comes half a
// second late is no silence.
const (
	minAlarmAfter = 1500 * time.Millisecond
	minDoubt      = 500 * time.Millisecond // between the alarm and the end of the lease
	minWitness    = time.Second            // between the end of the lease and the decision: witnesses have to speak
	maxLostAfter  = time.Minute
	minSplitBrain = 30 * time.Second
	maxSplitBrain = 24 * time.Hour
	minEntryCheck = time.Second
	maxEntryCheck = time.Minute
)

func defaultTiming() Timing {
	t := gslb.DefaultTiming()
	return Timing{AlarmAfter: t.Alarm, Lease: t.Lease, LostAfter: t.Decide, SplitBrain: t.SplitBrain, EntryCheck: 2 * time.Second}
}

func (t *Timing) bind(fs *pflag.FlagSet) {
	fs.DurationVar(&t.AlarmAfter, "peer-alarm-after", t.AlarmAfter, "silence of a peer after which our heartbeat in the edge zone says that we miss it (the same in all clusters, like the next three)")
	fs.DurationVar(&t.Lease, "peer-lease", t.Lease, "silence after which a peer is doubtful and witnesses are asked")
	fs.DurationVar(&t.LostAfter, "peer-lost-after", t.LostAfter, "silence after which a peer that nobody vouches for is lost")
	fs.DurationVar(&t.SplitBrain, "split-brain-threshold", t.SplitBrain, "how long a cluster that is cut off keeps its last good answers, and a lost one its name server, in zones that do not say (splitBrainThresholdSeconds of a ZoneDelegation)")
	fs.DurationVar(&t.EntryCheck, "entry-check-interval", t.EntryCheck, "how often the entries of a silent cluster are asked that answer; what answered counts for three times as long")
}

// settings checks the thresholds together, each against the ones before it.
func (t *Timing) settings(bad *problems) gslb.Timing {
	out := gslb.DefaultTiming()
	out.Alarm, out.Lease, out.Decide, out.SplitBrain = t.AlarmAfter, t.Lease, t.LostAfter, t.SplitBrain
	if t.AlarmAfter < minAlarmAfter {
		bad.add("peer-alarm-after", fmt.Errorf("%s is less than %s: peers speak once a second, so a shorter silence is none", t.AlarmAfter, minAlarmAfter))
	}
	if least := t.AlarmAfter + minDoubt; t.Lease < least {
		bad.add("peer-lease", fmt.Errorf("%s: write %s or more with --peer-alarm-after %s: the alarm has to be out before a peer is doubted", t.Lease, least, t.AlarmAfter))
	}
	if least := t.Lease + minWitness; t.LostAfter < least {
		bad.add("peer-lost-after", fmt.Errorf("%s: write %s or more with --peer-lease %s: witnesses need a second to speak", t.LostAfter, least, t.Lease))
	}
	if t.LostAfter > maxLostAfter {
		bad.add("peer-lost-after", fmt.Errorf("%s: write %s at most: a dead cluster is answered until then", t.LostAfter, maxLostAfter))
	}
	if t.SplitBrain < minSplitBrain || t.SplitBrain > maxSplitBrain {
		bad.add("split-brain-threshold", fmt.Errorf("%s: write %s to %s", t.SplitBrain, minSplitBrain, maxSplitBrain))
	}
	if t.EntryCheck < minEntryCheck || t.EntryCheck > maxEntryCheck {
		bad.add("entry-check-interval", fmt.Errorf("%s: write %s to %s", t.EntryCheck, minEntryCheck, maxEntryCheck))
	}
	return out
}
