// SPDX-License-Identifier: Apache-2.0

package entrycheck

import (
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// How often an entry is asked, beside the interval of the Config. With so many entries
// that the rate would not do, the settled paces stretch; doubt takes what there is, and
// goes first.
const (
	doubtPace    = time.Second            // in doubt, until it answers
	siblingDelay = 250 * time.Millisecond // head start of each entry of a host over the next
)

// validFor is the number of answer paces that an answer vouches: two questions
// in a row may go wrong.
const validFor = 3

// askTimeout is how long one question may take. It is as long as the window of
// doubt (1.5 s, if nothing else is said) allows, so that one lost SYN, which is sent again
// after a second, does not cost the answer.
func askTimeout(doubt time.Duration) time.Duration {
	return min(doubt-100*time.Millisecond, 5*time.Second)
}

// Classes: what is due in a lower one goes first.
const (
	classDoubt   = iota // may decide whether the host keeps its answers
	classAnswers        // the host may live by it already
	classRest
	classes
)

// pace says how often a target is asked now, and in which class.
//
//	answers still count | cluster  | class   | every
//	yes                 | any      | answers | i, or n / (rate/2) if longer
//	no                  | doubtful | doubt   | 1 s
//	no                  | vouched  | rest    | i, or n / (rate/4) if longer
//	no                  | lost     | rest    | 2.5 i, or n / (rate/4) if longer
//
// i is the interval (2 s), n the number of targets: answers take at most half of the rate and the rest
// a quarter, so that neither starves the other.
func (b *book) pace(t *target, now time.Time) (time.Duration, int) {
	switch {
	case now.Before(t.until):
		return b.answerPace(), classAnswers
	case t.state == gslb.Doubtful:
		return doubtPace, classDoubt
	case t.state == gslb.Vouched:
		return max(b.interval, b.stretch(4)), classRest
	}
	return max(b.interval*5/2, b.stretch(4)), classRest
}

func (b *book) answerPace() time.Duration { return max(b.interval, b.stretch(2)) }

// stretch is the time that a part of the rate needs to ask every target once.
func (b *book) stretch(part int) time.Duration {
	return time.Duration(len(b.targets)*part) * time.Second / time.Duration(b.bucket.rate)
}

// bucket holds the rate: at most rate questions a second, a tenth of it at once.
type bucket struct {
	rate   int
	tokens float64
	at     time.Time
}

func (k *bucket) fill(now time.Time) {
	most := max(1, float64(k.rate)/10)
	if k.at.IsZero() {
		k.tokens = most
	} else {
		k.tokens = min(most, k.tokens+now.Sub(k.at).Seconds()*float64(k.rate))
	}
	k.at = now
}

// ready gives the moment at which a question may be asked.
func (k *bucket) ready() time.Time {
	if k.tokens >= 1 {
		return k.at
	}
	return k.at.Add(time.Duration((1-k.tokens)/float64(k.rate)*float64(time.Second)) + time.Microsecond)
}
