// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// handshakeShare says that the beginnings of TLS may use one in so many of the
	// processors: each costs as much as a thousand answers, and strangers need not
	// compute anything to ask for one.
	handshakeShare = 4
	// handshakeDepth is how far ahead of its share that use may be, in a burst.
	handshakeDepth = 250 * time.Millisecond
	// handshakeRate is how many a second one network may begin while half of that
	// depth is used.
	handshakeRate = 20

	// A handshake counts for no less and no more than these, however it was measured.
	minHandshakeCost = 50 * time.Microsecond
	maxHandshakeCost = 20 * time.Millisecond
)

var errTooManyHandshakes = errors.New("too many TLS connections begin")

// handshakes bounds what the beginnings of TLS connections cost: the time of
// processors, by a budget in which each is charged what those before it cost, and
// settled when it is done; and how many are computed at once. Safe for concurrent
// use.
type handshakes struct {
	start   time.Time
	divisor float64      // of time that passes: what one nanosecond of work takes of the budget is its inverse
	used    atomic.Int64 // up to when the budget is used, in nanoseconds from the start
	mean    atomic.Int64 // cost of those before, in nanoseconds
	slots   chan struct{}
	clients *rateLimiter
	hidden  *atomic.Bool
}

func newHandshakes(hidden *atomic.Bool, seed uint64) *handshakes {
	n := runtime.GOMAXPROCS(0)
	h := &handshakes{
		start: time.Now(), divisor: float64(n) / handshakeShare, slots: make(chan struct{}, max(n/2, 1)),
		clients: newRateLimiter(handshakeRate, seed), hidden: hidden,
	}
	h.mean.Store(int64(time.Millisecond))
	return h
}

// admit takes a handshake into the budget, and gives what it was charged; false:
// there is no more. now is in nanoseconds from the start.
func (h *handshakes) admit(from netip.Addr, now int64) (charged int64, ok bool) {
	charged = h.charge()
	if h.ahead(now) > int64(handshakeDepth)/2 && !h.hidden.Load() && !h.clients.allow(from, classAnswer, h.clients.tick()) {
		return 0, false
	}
	for {
		used, ahead := h.used.Load(), h.ahead(now)
		if ahead > 0 && ahead+charged > int64(handshakeDepth) {
			return 0, false
		}
		if h.used.CompareAndSwap(used, now+ahead+charged) {
			return charged, true
		}
	}
}

// full reports that the budget has no room for one more: then even the client's first
// message need not be read.
func (h *handshakes) full(now int64) bool {
	ahead := h.ahead(now)
	return ahead > 0 && ahead+h.charge() > int64(handshakeDepth)
}

// charge is what a handshake takes of the budget.
func (h *handshakes) charge() int64 { return int64(float64(h.mean.Load()) / h.divisor) }

// ahead gives how far the budget is used ahead of time.
func (h *handshakes) ahead(now int64) int64 { return max(h.used.Load()-now, 0) }

// settle puts in place of what a handshake was charged what it cost.
func (h *handshakes) settle(charged int64, cost time.Duration) {
	cost = min(max(cost, minHandshakeCost), maxHandshakeCost)
	mean := h.mean.Load()
	h.mean.Store(mean + (int64(cost)-mean)/16)
	h.used.Add(int64(float64(cost)/h.divisor) - charged)
}

// greeting is the connection below TLS while that begins. It measures the time
// between reads, in which the handshake is computed, and holds a slot in it.
type greeting struct {
	net.Conn
	all     *handshakes
	from    netip.Addr
	began   time.Time // of the computing; zero: it waits for the client, or TLS has begun
	cost    time.Duration
	charged int64
	refused bool
}

// begin is called when the client's first message was read.
func (g *greeting) begin(ctx context.Context) error {
	charged, ok := g.all.admit(g.from, int64(time.Since(g.all.start)))
	if !ok {
		g.refused = true
		return errTooManyHandshakes
	}
	g.charged = charged
	select {
	case g.all.slots <- struct{}{}:
		g.began = time.Now()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Read ends the computing: the client has its turn. What comes after its answer is
// little, and is not measured.
func (g *greeting) Read(b []byte) (int, error) {
	g.rest()
	return g.Conn.Read(b)
}

func (g *greeting) rest() {
	if !g.began.IsZero() {
		g.cost += time.Since(g.began)
		g.began = time.Time{}
		<-g.all.slots
	}
}

// end settles the account.
func (g *greeting) end() {
	g.rest()
	if g.charged > 0 {
		g.all.settle(g.charged, g.cost)
		g.charged = 0
	}
}

// handshake begins TLS, if that is what is spoken; false: it did not begin, and
// that was counted.
func (c *tcpConn) handshake(ctx context.Context) bool {
	if c.tls == nil {
		return true
	}
	_ = c.raw.SetDeadline(time.Now().Add(c.shared.handshake)) // where it fails, the handshake does
	if c.stopping.Load() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, c.shared.handshake)
	defer cancel()
	err := c.tls.HandshakeContext(ctx)
	g := c.tls.NetConn().(*greeting)
	g.end()
	_ = c.raw.SetDeadline(time.Time{}) // where it fails, the next read does
	c.greeting.Store(false)
	c.touch()
	switch {
	case err == nil:
		c.oldTLS = c.tls.ConnectionState().Version < tls.VersionTLS13
		return true
	case g.refused:
		c.r.count.end(endHandshakeLimit)
	default:
		c.r.count.end(endHandshake)
	}
	return false
}

// greet is the GetConfigForClient of TLS: nothing was computed before it.
func greet(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	return nil, hello.Conn.(*greeting).begin(hello.Context())
}
