// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// How often a cluster is asked whether it lives, and about a host.
const (
	beatEvery   = time.Second
	beatSooner  = 250 * time.Millisecond  // after one without an answer, until it is decided
	beatTimeout = 450 * time.Millisecond  // of each of the two ways, UDP and TCP
	decided     = 4500 * time.Millisecond // of silence, after which a cluster may have been given up
	askTimeout  = 2 * time.Second
	askLeast    = time.Second // between two questions about one host
	askMost     = 5 * time.Second
	hot         = 30 * time.Second // after a change, in which a host is asked about more often
	outstanding = 32               // questions about hosts on their way
	firstReport = 2 * time.Second  // after which a report is made of the answers so far
)

// cluster is one cluster that runs k8gb. What is not under the lock is the loop's alone.
type cluster struct {
	a    *Asker
	tag  gslb.GeoTag
	id   string
	stop context.CancelFunc
	poke chan struct{} // one place
	got  chan func(now time.Time)
	wg   sync.WaitGroup

	mu    sync.Mutex
	zones map[gslb.Name][]string // HOST:PORT of its name servers
	moved map[gslb.Name]host     // not yet taken over by the loop; the zero host: gone
	stat  Status

	serves   map[gslb.Name][]string
	wires    map[string]*wire
	at       string // the address that answered last
	beating  bool
	beatDue  time.Time
	lived    time.Time // when it answered for a zone last
	back     time.Time // since when it lives again, or at last, and was not read whole since; zero: it was
	returned time.Time // when it lived again after it may have been given up
	unread   int       // targets that were not asked for since
	known    map[gslb.Name]host
	targets  map[gslb.Name]*target // those of known in zones that it serves
	queue    queue
	inflight int
	free     time.Time          // when the budget allows the next question
	dirty    map[gslb.Name]bool // zones whose report changed
	told     time.Time          // when it was reported of last
	refused  bool               // the last report was not taken
}

func newCluster(a *Asker, tag gslb.GeoTag) *cluster {
	return &cluster{
		a: a, tag: tag, id: "k8gb-" + string(tag), poke: make(chan struct{}, 1), got: make(chan func(time.Time), outstanding+2),
		moved: make(map[gslb.Name]host), stat: Status{Cluster: tag}, wires: make(map[string]*wire),
		known: make(map[gslb.Name]host), targets: make(map[gslb.Name]*target), dirty: make(map[gslb.Name]bool),
	}
}

// follow has hosts asked for, or not any more (the zero host).
func (c *cluster) follow(moved map[gslb.Name]host) {
	c.mu.Lock()
	maps.Copy(c.moved, moved)
	c.mu.Unlock()
	c.wake()
}

// serve says in which zones it has name servers, and where.
func (c *cluster) serve(zones map[gslb.Name][]string) {
	c.mu.Lock()
	c.zones = zones
	c.stat.Addresses = addressesOf(zones)
	c.mu.Unlock()
	c.wake()
}

func (c *cluster) wake() {
	select {
	case c.poke <- struct{}{}:
	default:
	}
}

func (c *cluster) zonesNow() map[gslb.Name][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.zones
}

func (c *cluster) status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stat
}

// run asks until ctx ends. Four things can happen:
//
//  1. hosts or zones changed
//  2. a question was answered, or not
//  3. a question is due
//  4. ctx ends
func (c *cluster) run(ctx context.Context) {
	defer func() {
		c.wg.Wait()
		for _, w := range c.wires {
			w.close()
		}
	}()
	now := time.Now()
	c.beatDue, c.free = now, now.Add(-time.Second)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.poke:
			c.takeOver()
		case f := <-c.got:
			f(time.Now())
		case <-timer.C:
		}
		timer.Reset(max(0, time.Until(c.act(ctx, time.Now()))))
	}
}

// takeOver makes the targets those that are to be asked for.
func (c *cluster) takeOver() {
	c.mu.Lock()
	zones, moved := c.zones, c.moved
	c.moved = make(map[gslb.Name]host)
	c.mu.Unlock()
	was := c.serves
	c.serves = zones
	for zone, addrs := range zones {
		c.dirty[zone] = c.dirty[zone] || !slices.Equal(was[zone], addrs)
	}
	for name, h := range moved {
		if c.known[name] = h; h == (host{}) {
			delete(c.known, name)
		}
		c.retarget(name)
	}
	if !maps.EqualFunc(was, zones, func(a, b []string) bool { return true }) {
		for name := range c.known {
			c.retarget(name)
		}
		for name := range c.targets {
			c.retarget(name)
		}
	}
}

// retarget makes the target of one host what is known of it.
func (c *cluster) retarget(name gslb.Name) {
	h, known := c.known[name]
	_, served := c.serves[h.zone]
	t := c.targets[name]
	if t != nil && (!known || !served || t.host.zone != h.zone) {
		c.drop(t)
		t = nil
	}
	switch {
	case !known, !served:
	case t == nil:
		t = &target{name: name, host: h, place: -1}
		c.targets[name] = t
		c.unread++
		c.queue.put(t, time.Time{})
	case t.host != h:
		t.host = h
		c.offer(t)
	}
}

func (c *cluster) drop(t *target) {
	t.gone = true
	if t.asked.Before(c.back) || c.back.IsZero() && t.asked.IsZero() {
		c.unread--
	}
	c.queue.remove(t)
	delete(c.targets, t.name)
	if t.made != nil {
		c.dirty[t.host.zone] = true
	}
}

// offer makes the offer of a target anew.
func (c *cluster) offer(t *target) {
	t.made = t.offer(t.name, t.host.ask)
	c.dirty[t.host.zone] = true
}

// act does what is due and gives when to act again.
func (c *cluster) act(ctx context.Context, now time.Time) time.Time {
	if !c.beating && !c.beatDue.After(now) && len(c.serves) > 0 {
		c.beat(ctx, now)
	}
	next := c.beatDue
	if c.beating || len(c.serves) == 0 {
		next = now.Add(beatEvery)
	}
	earlier := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	for c.alive(now) && c.inflight < outstanding {
		t := c.queue.first()
		if t == nil {
			break
		}
		if c.free = later(c.free, now.Add(-time.Second)); c.free.After(now) || t.due.After(now) {
			earlier(later(c.free, t.due))
			break
		}
		c.askFor(ctx, c.queue.take())
	}
	switch due := c.back.Add(firstReport); {
	case c.back.IsZero() && len(c.dirty) == 0:
	case c.back.IsZero():
		if due := c.told.Add(pause(len(c.targets))); due.After(now) {
			earlier(due)
			break
		}
		c.told = now
		c.publish()
	case !c.alive(now):
	case c.unread > 0 && due.After(now):
		earlier(due)
	default:
		c.back = time.Time{}
		for zone := range c.serves {
			c.dirty[zone] = true
		}
		c.publish()
		c.sight(now)
	}
	return next
}

// pause is the least time between two reports, which are as long as there are hosts.
func pause(hosts int) time.Duration {
	return 5*time.Millisecond + time.Duration(hosts)*20*time.Microsecond
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// give has the loop do something.
func (c *cluster) give(ctx context.Context, f func(time.Time)) {
	select {
	case c.got <- f:
	case <-ctx.Done():
	}
}
