// SPDX-License-Identifier: Apache-2.0

package hostnames

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"time"
)

var errNoAddresses = errors.New("it does not exist or has no addresses")

// takeDue gives the names to ask for now, and marks them as being asked.
func (b *Book[K]) takeDue(now time.Time) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var due []string
	for n, e := range b.names {
		if !e.busy && !e.due.After(now) {
			e.busy = true
			due = append(due, n)
		}
	}
	slices.Sort(due)
	return due
}

// wait says how long there is nothing to do.
func (b *Book[K]) wait(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := now.Add(time.Hour)
	sooner := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	for _, e := range b.names {
		if !e.busy {
			sooner(e.due)
		}
		if !e.failing() {
			newest := e.newest()
			for addr, end := range e.until {
				if end.Before(newest) && !e.lacks.Has(addr) {
					sooner(end)
				}
			}
		}
	}
	return max(0, next.Sub(now))
}

// failing reports that the last question had no answer with addresses: then time takes
// nothing away.
func (e *entry) failing() bool { return e.err != nil && e.lacks == 0 }

// ask asks for one name and takes over what comes; true: its addresses changed.
func (b *Book[K]) ask(ctx context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer, err := b.c.Asker.Ask(ctx, name)
	if ctx.Err() != nil && err == nil {
		answer, err = Answer{}, ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.names[name]
	if e == nil {
		return false // nobody wants it any more
	}
	e.busy, e.settled = false, true
	close(b.asked)
	b.asked = make(chan struct{})
	now := time.Now()
	e.lacks = 0
	switch {
	case err != nil && len(answer.Addrs) > 0:
		return b.acceptHalf(name, e, answer, err, now)
	case err != nil:
		b.retry(e, err, now)
	case len(answer.Addrs) == 0:
		return b.deny(name, e, answer.TTL, now)
	default:
		return b.accept(name, e, answer, now)
	}
	b.report(name, e)
	return false
}

// retry asks again soon, and later each time.
func (b *Book[K]) retry(e *entry, err error, now time.Time) {
	e.err = err
	e.tries++
	e.due = now.Add(b.jitter(min(retryMost, retryFirst<<min(e.tries-1, 10))))
}

// acceptHalf takes over the addresses of one family. What was known of the other stays, as
// does the trouble with it.
func (b *Book[K]) acceptHalf(name string, e *entry, a Answer, err error, now time.Time) bool {
	e.lacks, e.denied = a.Lacks, time.Time{}
	for _, addr := range e.addrs {
		if _, dated := e.until[addr]; !dated && e.lacks.Has(addr) {
			e.until[addr] = now // from before a restart
		}
	}
	e.keep(a, now)
	b.retry(e, err, now)
	if again := now.Add(max(minRefresh, a.TTL*9/10)); again.Before(e.due) {
		e.due = again
	}
	b.report(name, e)
	return e.sweep(now)
}

// keep notes until when an answer counts.
func (e *entry) keep(a Answer, now time.Time) {
	for _, addr := range a.Addrs {
		e.until[addr] = now.Add(min(maxLinger, max(a.TTL, minRefresh)+minRefresh))
	}
}

// accept takes over addresses. Those of earlier answers stay for as long as these may
// still be in caches.
func (b *Book[K]) accept(name string, e *entry, a Answer, now time.Time) bool {
	e.err, e.tries, e.denied = nil, 0, time.Time{}
	e.keep(a, now)
	// A little before the end, so that no address leaves because the answer is on its way.
	e.due = now.Add(b.jitter(min(maxRefresh, max(minRefresh, a.TTL*9/10))))
	b.report(name, e)
	return e.sweep(now)
}

// deny counts an answer without addresses: the second one takes them away.
func (b *Book[K]) deny(name string, e *entry, ttl time.Duration, now time.Time) bool {
	ttl = min(maxRefresh, max(minRefresh, ttl))
	e.err, e.tries = errNoAddresses, 0
	if e.denied.IsZero() {
		e.denied = now
	}
	e.due = now.Add(b.jitter(ttl))
	b.report(name, e)
	if len(e.addrs) == 0 || now.Sub(e.denied) < ttl {
		if now.Equal(e.denied) {
			e.due = now.Add(ttl) // not a moment earlier: the next one counts
		}
		return false
	}
	e.addrs = nil
	clear(e.until)
	return true
}

// expire takes addresses away whose last answer has ended, of names that resolve; it
// gives the names that changed.
func (b *Book[K]) expire(now time.Time) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var changed []string
	for n, e := range b.names {
		if !e.failing() && len(e.until) > 0 && e.sweep(now) {
			changed = append(changed, n)
		}
	}
	slices.Sort(changed)
	return changed
}

// sweep makes addrs of the answers that still count; true: they changed. The last answer
// counts until there is another, however late that is, and so does what was known of a
// family that cannot be resolved.
func (e *entry) sweep(now time.Time) bool {
	newest := e.newest()
	maps.DeleteFunc(e.until, func(addr netip.Addr, end time.Time) bool {
		return !end.After(now) && end.Before(newest) && !e.lacks.Has(addr)
	})
	next := slices.SortedFunc(maps.Keys(e.until), netip.Addr.Compare)
	if slices.Equal(next, e.addrs) {
		return false
	}
	e.addrs = next
	return true
}

// newest gives the end of the last answer.
func (e *entry) newest() (newest time.Time) {
	for _, end := range e.until {
		if end.After(newest) {
			newest = end
		}
	}
	return newest
}

// jitter spreads questions by a tenth, towards the earlier.
func (b *Book[K]) jitter(d time.Duration) time.Duration {
	return d - time.Duration(b.c.Rand()*0.1*float64(d))
}

// report logs trouble when it starts and when it ends.
func (b *Book[K]) report(name string, e *entry) {
	switch {
	case e.err != nil && !e.failed:
		e.failed = true
		b.c.Log.Warn("a load balancer's host name cannot be resolved; its last addresses are kept", "hostname", name, "addresses", len(e.addrs), "error", e.err)
	case e.err == nil && e.failed:
		e.failed = false
		b.c.Log.Info("a load balancer's host name is resolved again", "hostname", name)
	}
}
