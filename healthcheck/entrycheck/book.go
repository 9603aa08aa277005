// SPDX-License-Identifier: Apache-2.0

package entrycheck

import (
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck/internal/ask"
	"github.com/meridian-gslb/meridian/healthcheck/internal/due"
)

// target is one entry that is being asked for a host.
type target struct {
	host     gslb.Name
	question ask.Question
	of       []gslb.GeoTag
	state    gslb.Liveness
	rank     int // among the entries of its host
	item     due.Item[*target]
	asked    time.Time // start of the last question
	until    time.Time // until when its last answer vouches
	answers  bool      // the last question was answered
	held     bool      // its cluster is heard, and holds it against its own probes
	misses   int       // questions in a row that were not answered
	retired  bool      // no longer wanted; stays until its question is done
}

type key struct {
	host     gslb.Name
	question ask.Question
}

// book is the whole of the Checker without goroutines and clock: who is to be
// asked when, and what the answers are worth. It is not safe for concurrent use.
type book struct {
	targets  map[key]*target
	hosts    map[gslb.Name][]*target
	queue    *due.Queue[*target]
	bucket   bucket
	loopback bool
	random   func() float64
	interval time.Duration
	timeout  time.Duration // of one question
	seen     *gslb.World
}

func newBook(c *Config) *book {
	return &book{
		targets: make(map[key]*target), hosts: make(map[gslb.Name][]*target),
		queue: due.New[*target](c.Limit, classes), bucket: bucket{rate: c.Rate}, loopback: c.AllowLoopback, random: c.Random,
		interval: c.Interval, timeout: askTimeout(c.Doubt),
	}
}

// follow takes over what a World wants asked. Its price is that of what changed.
func (b *book) follow(w *gslb.World, now time.Time) {
	for name := range w.Changed(b.seen) {
		b.want(name, wishes(w, w.Host(name), b.loopback), now)
	}
	b.seen = w
}

// want makes the targets of a host be those wished for.
func (b *book) want(host gslb.Name, ws []wish, now time.Time) {
	old := b.hosts[host]
	if len(old) == 0 && len(ws) == 0 {
		return
	}
	list := make([]*target, 0, len(ws))
	for rank, w := range ws {
		list = append(list, b.keep(host, w, rank, now))
	}
	for _, t := range old {
		if !slices.Contains(list, t) {
			b.retire(t)
		}
	}
	if len(list) == 0 {
		delete(b.hosts, host)
		return
	}
	b.hosts[host] = list
}

// keep adds a target or takes over what changed about it. A new one is asked at
// once, behind the entries of its host that come before it.
func (b *book) keep(host gslb.Name, w wish, rank int, now time.Time) *target {
	k := key{host, w.question}
	t := b.targets[k]
	if t == nil || t.retired {
		if t == nil {
			t = &target{host: host, question: w.question}
			t.item.Value, t.item.Lane = t, w.question.Addr.Addr()
			b.targets[k] = t
		}
		t.retired, t.of, t.state, t.rank, t.held = false, w.of, w.state, rank, w.held
		_, class := b.pace(t, now)
		b.queue.Put(&t.item, now.Add(time.Duration(rank)*siblingDelay), class)
		return t
	}
	was := t.state
	t.of, t.state, t.rank, t.held = w.of, w.state, rank, w.held
	if was != t.state && !t.item.Begun() {
		every, class := b.pace(t, now)
		at := t.item.At()
		if soon := now.Add(every); soon.Before(at) {
			at = soon
		}
		b.queue.Put(&t.item, at, class)
	}
	return t
}

// retire takes a target out. One whose question is on its way stays until that
// is done, so that nobody is asked the same twice at once.
func (b *book) retire(t *target) {
	b.queue.Drop(&t.item)
	t.until, t.answers, t.misses = time.Time{}, false, 0
	if t.item.Begun() {
		t.retired = true
		return
	}
	delete(b.targets, key{t.host, t.question})
}

// begin gives a target that is due now and counts it as on its way; nil if there
// is none, no room, or the rate is used up.
func (b *book) begin(now time.Time) *target {
	b.bucket.fill(now)
	if b.bucket.tokens < 1 {
		return nil
	}
	i := b.queue.Begin(now)
	if i == nil {
		return nil
	}
	b.bucket.tokens--
	i.Value.asked = now
	return i.Value
}

// next gives the moment at which something may begin; false: not by itself.
func (b *book) next() (time.Time, bool) {
	at, ok := b.queue.Next()
	if r := b.bucket.ready(); ok && at.Before(r) {
		at = r
	}
	return at, ok
}

// done takes the answer of a question and gives the sightings that it makes.
func (b *book) done(t *target, a ask.Answer, now time.Time) []gslb.Sighting {
	b.queue.Done(&t.item)
	if t.retired {
		delete(b.targets, key{t.host, t.question})
		return nil
	}
	var out []gslb.Sighting
	t.answers = vouches(t.question, a)
	if t.answers {
		valid := validFor * b.answerPace()
		t.until, t.misses = now.Add(valid), 0
		if !t.held {
			for _, tag := range t.of {
				out = append(out, gslb.Sighting{Kind: gslb.EntryAnswered, Of: tag, Host: t.host, At: now, ValidFor: valid})
			}
		}
		b.postpone(t, now)
	} else {
		t.misses++
	}
	if t.held {
		out = append(out, b.heldSightings(t, now)...)
	}
	every, class := b.pace(t, now)
	at := t.asked.Add(time.Duration(float64(every) * (0.9 + 0.2*b.random())))
	if at.Before(now) {
		at = now
	}
	b.queue.Put(&t.item, at, class)
	return out
}

// heldMisses is how many questions in a row have to go without an answer before an entry
// that its cluster holds is said to be silent.
const heldMisses = 2

// heldSightings says what becomes of asking a host that its cluster holds: one entry that
// answers speaks for it, and it is silent when none does.
func (b *book) heldSightings(t *target, now time.Time) []gslb.Sighting {
	kind := gslb.HeldAnswered
	if !t.answers {
		kind = gslb.HeldSilent
		for _, other := range b.hosts[t.host] {
			if other.answers || other.misses < heldMisses {
				return nil
			}
		}
	}
	out := make([]gslb.Sighting, 0, len(t.of))
	for _, tag := range t.of {
		out = append(out, gslb.Sighting{Kind: kind, Of: tag, Host: t.host, At: now, ValidFor: validFor * max(b.interval*5/2, b.stretch(4))})
	}
	return out
}

// postpone lets one entry that answers speak for its host: the others of the
// same clusters are asked only when it fails to answer the next time.
func (b *book) postpone(by *target, now time.Time) {
	for _, t := range b.hosts[by.host] {
		if t == by || t.item.Begun() || slices.ContainsFunc(t.of, func(g gslb.GeoTag) bool { return !slices.Contains(by.of, g) }) {
			continue
		}
		_, class := b.pace(t, now)
		b.queue.Put(&t.item, now.Add(b.answerPace()+b.timeout+time.Duration(t.rank)*siblingDelay), class)
	}
}

// entries counts the targets of a cluster.
func (b *book) entries(tag gslb.GeoTag) int {
	n := 0
	for _, t := range b.targets {
		if !t.retired && slices.Contains(t.of, tag) {
			n++
		}
	}
	return n
}
