// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/internal/lab"
)

// How often everybody is asked: for every host, for the serial, and over TCP.
const (
	askEvery    = 50 * time.Millisecond
	serialEvery = 10 // ticks
	tcpEvery    = 20
)

// viaEdge is the name of the resolver among those who are asked.
const viaEdge = "the resolver"

// answer is what somebody said to one question.
type answer struct {
	at   time.Time // when it was asked
	took time.Duration
	text string // as show shows it
}

// asked is who was asked for what.
type asked struct{ server, host string }

// span is a time; an end that is zero has not come yet.
type span struct{ from, to time.Time }

// checker asks every server and a resolver, all the time, and keeps what they say. What
// must hold of that is in judge_test.go.
type checker struct {
	w    *world
	ctx  context.Context
	halt context.CancelFunc
	runs sync.WaitGroup

	mu      sync.Mutex
	answers map[asked][]answer
	serials map[string][]said
	ticks   []answer          // how late the checker itself was
	away    map[string][]span // when a server need not answer
	served  map[string][]span // when a cluster's entries could be answered
	alone   []span            // when no cluster served and the last resort may be answered
	before  []string          // what others have in the edge zone
	bound   time.Duration     // how long entries may be answered that do not serve any more
}

// watch begins the asking.
func (w *world) watch() {
	w.t.Helper()
	ctx, halt := context.WithCancel(context.Background())
	c := &checker{
		w: w, ctx: ctx, halt: halt, answers: map[asked][]answer{}, serials: map[string][]said{},
		away: map[string][]span{}, served: map[string][]span{}, bound: lostWithin,
	}
	if w.edge != nil {
		c.before = w.edge.others()
	}
	for _, cl := range w.clusters {
		c.truth(cl)
	}
	w.seen = c
	each := map[string]*asker{}
	for _, cl := range w.clusters {
		for _, i := range cl.instances {
			each[i.name] = w.client.asker(i.at())
		}
	}
	r := &resolver{w: w, all: map[string]*asker{}}
	c.runs.Go(func() { c.run(each, r) })
	if w.edge != nil {
		w.until("the resolver knows the delegation", func() bool { return c.latest(asked{viaEdge, rr}).text == w.want(rr) })
		c.mu.Lock()
		delete(c.answers, asked{viaEdge, rr}) // of before it did
		delete(c.answers, asked{viaEdge, fail})
		c.mu.Unlock()
	}
}

func (c *checker) run(each map[string]*asker, r *resolver) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	last := time.Now()
	for n := 0; ; n++ {
		for name, a := range each {
			for _, host := range hosts {
				c.runs.Go(func() {
					c.note(asked{name, host}, func() (*dns.Msg, error) { return a.ask(c.ctx, host, dns.TypeA, answerTime) })
				})
			}
			if n%serialEvery == 0 {
				c.runs.Go(func() { c.serial(name, a) })
			}
		}
		for _, host := range hosts {
			if c.w.edge != nil {
				c.runs.Go(func() {
					c.note(asked{viaEdge, host}, func() (*dns.Msg, error) { return r.ask(c.ctx, host) })
				})
			}
		}
		if n%tcpEvery == 0 {
			for _, cl := range c.w.clusters {
				for _, i := range cl.instances {
					c.runs.Go(func() {
						c.note(asked{i.name, rr}, func() (*dns.Msg, error) { return c.w.client.ask(i.at(), rr, dns.TypeA) })
					})
				}
			}
		}
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
			now := time.Now()
			c.mu.Lock()
			c.ticks = append(c.ticks, answer{at: now, took: max(0, now.Sub(last)-askEvery)})
			c.mu.Unlock()
			last = now
		}
	}
}

// note keeps one answer.
func (c *checker) note(who asked, ask func() (*dns.Msg, error)) {
	at := time.Now()
	m, err := ask()
	if c.ctx.Err() != nil {
		return // the test is over
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[who] = append(c.answers[who], answer{at: at, took: time.Since(at), text: show(m, err)})
}

// said is a serial with when it was asked for and when it came.
type said struct {
	serial      uint32
	asked, came time.Time
}

// serial keeps a serial.
func (c *checker) serial(name string, a *asker) {
	at := time.Now()
	m, err := a.ask(c.ctx, lab.Zone, dns.TypeSOA, answerTime)
	if err != nil || len(m.Answer) != 1 {
		return
	}
	soa, ok := m.Answer[0].(*dns.SOA)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serials[name] = append(c.serials[name], said{serial: soa.Serial, asked: at, came: time.Now()})
}

// stop ends the asking.
func (c *checker) stop() {
	c.halt()
	c.runs.Wait()
}

// latest is the answer to the question that was asked last.
func (c *checker) latest(who asked) answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return newest(c.answers[who])
}

func newest(all []answer) (last answer) {
	for _, a := range all[max(0, len(all)-60):] { // answers come in another order than questions
		if a.at.After(last.at) {
			last = a
		}
	}
	return last
}

// present are the instances that have to answer now.
func (c *checker) present() []*instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []*instance
	for _, cl := range c.w.clusters {
		for _, i := range cl.instances {
			if all := c.away[i.name]; len(all) == 0 || !all[len(all)-1].to.IsZero() {
				out = append(out, i)
			}
		}
	}
	return out
}

// changes are the moments at which the answer of a server became another, so far.
func (c *checker) changes(server, host string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Clone(c.answers[asked{server, host}])
	slices.SortFunc(all, func(a, b answer) int { return a.at.Compare(b.at) })
	return changed(all)
}
