// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
)

// Promises.
const (
	lostWithin = 5 * time.Second // a whole cluster lost → gone from the answers
	healWithin = 2 * time.Second // all can talk again → all equal
	slack      = 300 * time.Millisecond
)

// after waits until every present server says of every host what is asked of it, and
// gives how long after since the last one began to.
func (c *checker) after(since time.Time, what string, right func(host, text string) bool) time.Duration {
	c.w.t.Helper()
	servers := c.present()
	c.w.until(what, func() bool {
		for _, i := range servers {
			for _, host := range hosts {
				if a := c.latest(asked{i.name, host}); a.at.Before(since) || !right(host, a.text) {
					return false
				}
			}
		}
		return true
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	var took time.Duration
	for _, i := range servers {
		for _, host := range hosts {
			for _, a := range c.answers[asked{i.name, host}] {
				if a.at.After(since) && !right(host, a.text) {
					took = max(took, a.at.Add(a.took).Sub(since))
				}
			}
		}
	}
	return took
}

// gone waits until no server answers with entries of a cluster.
func (c *checker) gone(tag string, since time.Time) time.Duration {
	c.w.t.Helper()
	entries := strings.Fields(c.w.entries(tag))
	return c.after(since, "nobody answers with "+tag, func(_, text string) bool {
		return text != nothing && !slices.ContainsFunc(strings.Fields(text), func(a string) bool { return slices.Contains(entries, a) })
	})
}

// equal waits until all servers answer the truth.
func (c *checker) equal(since time.Time) time.Duration {
	c.w.t.Helper()
	return c.after(since, "all answer the truth", func(host, text string) bool { return text == c.w.want(host) })
}

// within holds a promise about time, unless this machine gave so little of it that it
// cannot be judged: then it says so.
func (c *checker) within(what string, took, promise time.Duration, since time.Time) {
	c.w.t.Helper()
	c.w.told(what, took)
	if took <= promise {
		return
	}
	starved := c.starved(since, since.Add(took))
	if starved > (took-promise)/2 || starved > promise/10 {
		c.w.t.Logf("%s took longer than %v and is not judged: the checker itself was late by %v meanwhile", what, promise, starved)
		return
	}
	assert.LessOrEqual(c.w.t, took, promise, "%s (the checker itself was late by %v meanwhile)", what, starved)
}

// told logs how long something took, as far as can be told by asking now and then.
func (w *world) told(what string, took time.Duration) {
	w.t.Helper()
	if took == 0 {
		w.t.Logf("%s: at once, within %d ms", what, askEvery.Milliseconds())
		return
	}
	w.t.Logf("%s: %d ms", what, took.Milliseconds())
}

// starved is how late the checker was between two moments, and how long healthy servers
// let it wait.
func (c *checker) starved(from, to time.Time) (late time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	late = c.late(from, to)
	var slowest time.Duration
	for _, all := range c.answers {
		for _, a := range all {
			if a.at.After(from) && a.at.Before(to) && a.text != nothing {
				slowest = max(slowest, a.took)
			}
		}
	}
	if slowest > 2*askEvery && slowest < tryTime {
		late += slowest
	}
	return late
}

// in says that a moment lies in one of the spans, which are as much longer.
func in(all []span, at time.Time, before, behind time.Duration) bool {
	return slices.ContainsFunc(all, func(s span) bool {
		return !at.Before(s.from.Add(-before)) && (s.to.IsZero() || !at.After(s.to.Add(behind)))
	})
}

// judge ends the asking and judges all that was said. At each server the answer for rr, and
// that for fail, which is the primary, may have changed so often.
func (c *checker) judge(rrChanges, failChanges int) {
	c.w.t.Helper()
	c.stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	total := 0
	for who, all := range c.answers {
		slices.SortFunc(all, func(a, b answer) int { return a.at.Compare(b.at) })
		total += len(all)
		if wrong := c.wrong(who, all); len(wrong) > 0 {
			assert.Fail(c.w.t, fmt.Sprintf("%s, asked for %s: %d answers are wrong", who.server, who.host, len(wrong)), strings.Join(wrong[:min(8, len(wrong))], "\n"))
		}
		may := map[string]int{rr: rrChanges, fail: failChanges}[who.host]
		if n := changed(all); who.server != viaEdge && len(n) > may {
			assert.Fail(c.w.t, fmt.Sprintf("%s changed its answer for %s %d times, %d are true causes", who.server, who.host, len(n), may), strings.Join(n, "\n"))
		}
	}
	for server, all := range c.serials {
		assert.Empty(c.w.t, fallen(all), "the serial of %s never falls", server)
	}
	if c.w.edge != nil {
		assert.Equal(c.w.t, c.before, c.w.edge.others(), "records of others in the edge zone")
	}
	c.w.t.Logf("%d answers", total)
}

// fallen are the serials that were less than one that had come before they were asked for.
// Of questions that were under way at the same time nobody knows which was answered first.
func fallen(all []said) (out []string) {
	for _, s := range all {
		for _, before := range all {
			if before.came.Before(s.asked) && before.serial > s.serial {
				out = append(out, fmt.Sprintf("%d at %v, after %d", s.serial, s.asked, before.serial))
				break
			}
		}
	}
	return out
}

// changed are the moments at which an answer became another. Of questions that were under
// way at the same time nobody knows which was answered first, so one of them counts.
func changed(all []answer) (out []string) {
	last, end := "", time.Time{}
	for _, a := range all {
		if a.text == nothing || a.text == "SERVFAIL" || a.took > askEvery || a.at.Before(end) {
			continue
		}
		end = a.at.Add(a.took)
		if last != "" && a.text != last {
			out = append(out, a.at.Format("15:04:05.000 ")+last+" → "+a.text)
		}
		last = a.text
	}
	return out
}

// wrong are the answers that should not have been: none, an empty one, or one with an
// address that could not serve for longer than it takes to be lost.
func (c *checker) wrong(who asked, all []answer) (out []string) {
	for _, a := range all {
		complain := func(why string) {
			out = append(out, fmt.Sprintf("%s %q after %v: %s", a.at.Format("15:04:05.000"), a.text, a.took, why))
		}
		if a.text == nothing || a.text == "SERVFAIL" {
			if !in(c.away[who.server], a.at, slack, slack) && c.late(a.at, a.at.Add(a.took)) < slack {
				complain("every question is answered")
			}
			continue
		}
		if a.text == "NODATA" || a.text == "NXDOMAIN" || !strings.HasPrefix(a.text, "10.") {
			complain("never empty")
			continue
		}
		// What a question meets that waited until somebody thawed is later than the question.
		if in(c.alone, a.at, a.took, slack) {
			continue
		}
		for _, cl := range c.w.clusters {
			has := slices.ContainsFunc(strings.Fields(c.w.entries(cl.tag)), func(e string) bool { return strings.Contains(a.text+" ", e+" ") })
			if has && !in(c.served[cl.tag], a.at, a.took, c.bound+2*slack+c.late(a.at.Add(-c.bound), a.at)) {
				complain(cl.tag + " did not serve then")
			}
		}
	}
	return out
}

// lateBetween is late for those who do not hold the lock.
func (c *checker) lateBetween(from, to time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.late(from, to)
}

// late is how late the checker was between two moments, all together: so long nobody got
// the processor who should have.
func (c *checker) late(from, to time.Time) (late time.Duration) {
	for _, t := range c.ticks {
		if t.took > askEvery/2 && t.at.After(from) && t.at.Before(to.Add(askEvery)) {
			late += t.took
		}
	}
	return late
}
