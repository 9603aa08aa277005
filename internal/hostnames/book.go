// SPDX-License-Identifier: Apache-2.0

package hostnames

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Bounds of what TTLs ask for, and of the work.
const (
	minRefresh = 5 * time.Second
	maxRefresh = 5 * time.Minute
	maxLinger  = 2 * maxRefresh // an address outlives the answers that held it by this much at most
	retryFirst = 2 * time.Second
	retryMost  = time.Minute
	askTimeout = 10 * time.Second
	atOnce     = 16 // names asked for at the same time
)

// Config says what a Book needs; Asker is required.
type Config[K comparable] struct {
	Asker Asker
	// OnChange is called with a name whose addresses changed and those who want it, one
	// call at a time, from a goroutine of Run; nil: nobody is told.
	OnChange func(name string, users []K)
	// Known gives the addresses of a name from before a restart: the last good ones until a
	// resolver answers. nil: nothing is known.
	Known      func(name string) []netip.Addr
	Rand       func() float64        // in [0, 1); nil: that of math/rand/v2
	Log        *slog.Logger          // nil: none
	Registerer prometheus.Registerer // nil: nothing is counted
}

// Book holds the addresses of the names that somebody wants; K tells users apart. Safe
// for concurrent use.
//
//	the resolver answers                    | the addresses become
//	addresses                               | these, and for as long as its TTL lasts those of the answer before
//	no such name, or no addresses, once     | as they were
//	… again, at least a negative TTL later  | none
//	nothing, SERVFAIL, REFUSED, nonsense    | as they were, however long it takes
//	addresses of one family, and nothing    | of that family these, as above; of the other as
//	for the other                           | they were
type Book[K comparable] struct {
	c    Config[K]
	wake chan struct{}

	mu    sync.Mutex
	names map[string]*entry
	who   map[K][]string // the names that each user wants, sorted
	asked chan struct{}  // closed when a name was asked for, and replaced
}

// entry is one name.
type entry struct {
	users   int
	addrs   []netip.Addr             // what counts now, sorted
	until   map[netip.Addr]time.Time // when the last answer that held it ends
	due     time.Time                // of the next question
	tries   int                      // failures in a row
	denied  time.Time                // since when it has no addresses; zero: it has, or nobody said otherwise
	busy    bool
	settled bool // asked once, whatever came of it
	failed  bool // told in the log
	err     error
	lacks   Family // that the last answer could not tell; zero: none, or there was no answer
}

// New makes a Book; [Book.Run] sets it to work.
func New[K comparable](c Config[K]) (*Book[K], error) {
	if c.Asker == nil {
		return nil, errors.New("hostnames need an Asker")
	}
	if c.OnChange == nil {
		c.OnChange = func(string, []K) {}
	}
	if c.Known == nil {
		c.Known = func(string) []netip.Addr { return nil }
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	b := &Book[K]{
		c: c, wake: make(chan struct{}, 1), names: make(map[string]*entry), who: make(map[K][]string), asked: make(chan struct{}),
	}
	return b, b.register()
}

// Want says which names a user needs from now on, instead of those of its last call;
// none: the user is gone. A name is asked for while anybody wants it. It never waits.
func (b *Book[K]) Want(user K, names []string) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	defer b.poke()
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Equal(b.who[user], names) {
		return
	}
	for _, n := range names {
		e := b.names[n]
		if e == nil {
			e = &entry{until: make(map[netip.Addr]time.Time), addrs: sorted(b.c.Known(n))}
			b.names[n] = e
		}
		e.users++
	}
	for _, n := range b.who[user] {
		if e := b.names[n]; e.users == 1 {
			delete(b.names, n)
		} else {
			e.users--
		}
	}
	if len(names) == 0 {
		delete(b.who, user)
	} else {
		b.who[user] = names
	}
}

func sorted(addrs []netip.Addr) []netip.Addr {
	return slices.Compact(slices.SortedFunc(slices.Values(addrs), netip.Addr.Compare))
}

// Addrs gives the addresses of a name that is wanted, sorted and not to be changed; none:
// there are none, or nothing is known yet.
func (b *Book[K]) Addrs(name string) []netip.Addr {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.names[name]; e != nil {
		return e.addrs
	}
	return nil
}

// Trouble says why a name could not be resolved when it was asked for last; nil: it was,
// or nobody asked yet.
func (b *Book[K]) Trouble(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.names[name]; e != nil {
		return e.err
	}
	return nil
}

// Settled reports that every wanted name has been asked for, whatever came of it.
func (b *Book[K]) Settled() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.names {
		if !e.settled {
			return false
		}
	}
	return true
}

// Await waits until every wanted name has been asked for, whatever came of it, or ctx ends.
func (b *Book[K]) Await(ctx context.Context) {
	for {
		b.mu.Lock()
		asked := b.asked
		b.mu.Unlock()
		if b.Settled() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-asked:
		}
	}
}

// All gives the addresses of all names that have some, for the time after a restart.
func (b *Book[K]) All() map[string][]netip.Addr {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make(map[string][]netip.Addr)
	for n, e := range b.names {
		if len(e.addrs) > 0 {
			all[n] = e.addrs
		}
	}
	return all
}

// Count gives how many names are wanted, and how many of them cannot be resolved now.
func (b *Book[K]) Count() (wanted, failing int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.names {
		if e.err != nil {
			failing++
		}
	}
	return len(b.names), failing
}

// Run asks until ctx ends; it then returns nil.
func (b *Book[K]) Run(ctx context.Context) error {
	var busy sync.WaitGroup
	defer busy.Wait()
	changes := make(chan string)
	busy.Go(func() { b.tell(ctx, changes) })
	slots := make(chan struct{}, atOnce)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.wake:
		case <-timer.C:
		}
		for _, name := range b.expire(time.Now()) {
			b.send(ctx, changes, name)
		}
		for _, name := range b.takeDue(time.Now()) {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return nil
			}
			busy.Go(func() {
				if b.ask(ctx, name) {
					b.send(ctx, changes, name)
				}
				<-slots
				b.poke()
			})
		}
		timer.Reset(b.wait(time.Now()))
	}
}

func (b *Book[K]) send(ctx context.Context, changes chan<- string, name string) {
	select {
	case changes <- name:
	case <-ctx.Done():
	}
}

func (b *Book[K]) tell(ctx context.Context, changes <-chan string) {
	for {
		select {
		case <-ctx.Done():
			return
		case name := <-changes:
			b.c.OnChange(name, b.users(name))
		}
	}
}

// users gives who wants a name.
func (b *Book[K]) users(name string) []K {
	b.mu.Lock()
	defer b.mu.Unlock()
	var users []K
	for user, names := range b.who {
		if _, wants := slices.BinarySearch(names, name); wants {
			users = append(users, user)
		}
	}
	return users
}

func (b *Book[K]) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}
