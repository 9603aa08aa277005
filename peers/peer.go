// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// connsPerAddress: behind one address there may be several instances, and one
// of them may be frozen.
const connsPerAddress = 2

// subscription is one report zone that is read from a peer: its own, or one
// that it passes on.
type subscription struct {
	tag    gslb.GeoTag // whose report it is
	copies *copies
}

// peer is another cluster as a source of reports.
type peer struct {
	tag   gslb.GeoTag
	known time.Time
	keys  []*signer
	key   atomic.Int32 // index of the key in use
	left  atomic.Bool  // it said goodbye: no hurry
	x     *Exchange

	heard  moment       // last sign of life, from whichever side
	direct moment       // last answer of the cluster itself to a question of ours
	skew   atomic.Int64 // nanoseconds that its clock is ahead of ours
	noted  atomic.Bool  // it was logged as read

	mu      sync.Mutex
	addrs   map[string][]*link // HOST:PORT → links
	subs    []subscription
	changed chan struct{} // closed when subs changed
	wake    chan struct{} // closed when dialling is worth while now
	conns   int
	working int // connections on which a valid answer came
	trouble string
}

func newPeer(x *Exchange, tag gslb.GeoTag) *peer {
	return &peer{
		tag: tag, known: time.Now(), keys: candidates(x.keys, tag), x: x,
		addrs: make(map[string][]*link), changed: make(chan struct{}), wake: make(chan struct{}),
	}
}

// signer gives the key that signs to the peer now; nil if there is none.
func (p *peer) signer() *signer {
	if len(p.keys) == 0 {
		return nil
	}
	return p.keys[int(p.key.Load())%len(p.keys)]
}

// nextKey moves on from a key that the peer did not take.
func (p *peer) nextKey(refused *signer) {
	i := p.key.Load()
	if p.keys[int(i)%len(p.keys)] == refused {
		p.key.CompareAndSwap(i, (i+1)%int32(len(p.keys)))
	}
}

// moment is a time by our own monotonic clock that several goroutines set.
type moment struct{ at atomic.Pointer[time.Time] }

func (m *moment) set(t time.Time) { m.at.Store(&t) }

// get gives the zero time before the first set.
func (m *moment) get() time.Time {
	if t := m.at.Load(); t != nil {
		return *t
	}
	return time.Time{}
}

// within says whether the moment is less than d ago.
func (m *moment) within(d time.Duration, now time.Time) bool {
	t := m.at.Load()
	return t != nil && now.Sub(*t) < d
}

// subscribe sets what is read from the peer. Links are started for it by
// [peer.arrange].
func (p *peer) subscribe(subs []subscription) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Equal(subs, p.subs) {
		return
	}
	p.subs = subs
	close(p.changed)
	p.changed = make(chan struct{})
}

// lane gives the part of the subscriptions that a link serves, and a channel
// that is closed when it may have changed.
func (p *peer) lane(n int) ([]subscription, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := min(n*zonesPerConn, len(p.subs))
	return p.subs[from:min(from+zonesPerConn, len(p.subs))], p.changed
}

// awake gives a channel that is closed when the peer showed that it can be
// reached.
func (p *peer) awake() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wake
}

// called notes a signed request from the peer: if we do not read it now, dialling
// is worth while.
func (p *peer) called(now time.Time) {
	p.heard.set(now)
	p.tryNow()
}

// tryNow ends the wait before the next attempt, unless we read the peer.
func (p *peer) tryNow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.working == 0 {
		close(p.wake)
		p.wake = make(chan struct{})
	}
}

// arrange starts and stops links so that every address has its connections.
func (p *peer) arrange(ctx context.Context, wg *sync.WaitGroup, addrs []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	lanes := (len(p.subs) + zonesPerConn - 1) / zonesPerConn
	if len(p.keys) == 0 {
		lanes = 0
	}
	for addr, links := range p.addrs {
		keep := lanes * connsPerAddress
		if !slices.Contains(addrs, addr) {
			keep = 0
		}
		for i := keep; i < len(links); i++ {
			links[i].stop()
		}
		p.addrs[addr] = links[:min(keep, len(links))]
		if keep == 0 {
			delete(p.addrs, addr)
		}
	}
	for _, addr := range addrs {
		for i := len(p.addrs[addr]); i < lanes*connsPerAddress; i++ {
			ctx, stop := context.WithCancel(ctx)
			l := &link{peer: p, addr: addr, lane: i / connsPerAddress, second: i%connsPerAddress == 1, stop: stop}
			p.addrs[addr] = append(p.addrs[addr], l)
			wg.Go(func() { l.run(ctx) })
		}
	}
}

// spread says whether the connections to an address end at several instances.
func (p *peer) spread(addr string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := ""
	for _, l := range p.addrs[addr] {
		at := l.at.Load()
		switch {
		case at == nil:
		case first == "":
			first = *at
		case *at != first:
			return true
		}
	}
	return false
}

// connected and disconnected count connections, and log when the first came and
// the last went.
func (p *peer) connected() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns++
}

func (p *peer) works() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.working++
	p.trouble = ""
	if p.working == 1 && p.noted.CompareAndSwap(false, true) {
		p.x.log.Info("peer is read", "peer", p.tag)
	}
}

func (p *peer) disconnected(wasConnected, worked bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if wasConnected {
		p.conns--
	}
	if worked {
		p.working--
	}
	if errors.Is(err, context.Canceled) {
		return
	}
	if err != nil && p.working == 0 {
		fresh := p.trouble == ""
		p.trouble = err.Error()
		if wasRead := p.noted.CompareAndSwap(true, false); wasRead || fresh {
			p.x.log.Warn("peer cannot be read", "peer", p.tag, "error", err)
		}
	}
}

// untroubled ends what troubled noted: a valid answer came.
func (p *peer) untroubled() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble = ""
}

// troubled notes a problem that a peer answers with, for status.
func (p *peer) troubled(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble = err.Error()
}
