// SPDX-License-Identifier: Apache-2.0

// Package fakenet is a network for tests of healthcheck and entrycheck: it dials
// in memory, so that they run in testing/synctest, and remembers who was asked
// when. It is used by tests only.
package fakenet

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// Peer is what happens at an address: it serves the other end of one connection
// and closes it.
type Peer func(net.Conn)

// Network dials. The zero value refuses every connection. It is safe for
// concurrent use.
type Network struct {
	mu      sync.Mutex
	peers   map[string]func() (Peer, error) // by "host:port"
	dials   []Dial
	open    map[string]int
	overlap bool
	most    int
	total   int
}

// Dial is one connection that was asked for.
type Dial struct {
	Address string
	At      time.Time
}

// Set says what happens at an address from now on: decide is called for each
// connection and gives who serves it, or an error.
func (n *Network) Set(address string, decide func() (Peer, error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.peers == nil {
		n.peers = make(map[string]func() (Peer, error))
	}
	n.peers[address] = decide
}

// Always is a decision that never changes.
func Always(p Peer) func() (Peer, error) { return func() (Peer, error) { return p, nil } }

// Refuse is a decision to refuse, as a closed port does.
func Refuse() (Peer, error) { return nil, syscall.ECONNREFUSED }

// Fails is a decision to fail with an error.
func Fails(err error) func() (Peer, error) { return func() (Peer, error) { return nil, err } }

// Swallow is a decision to let the connection attempt hang, as a lost SYN does.
func Swallow() (Peer, error) { return nil, nil }

// DialContext serves as the Dial of a Config.
func (n *Network) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dials = append(n.dials, Dial{address, time.Now()})
	decide := n.peers[address]
	if n.open == nil {
		n.open = make(map[string]int)
	}
	n.open[address]++
	n.total++
	n.overlap = n.overlap || n.open[address] > 1
	n.most = max(n.most, n.total)
	n.mu.Unlock()
	if decide == nil {
		decide = Refuse
	}
	p, err := decide()
	switch {
	case err != nil:
		n.closed(address)
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	case p == nil:
		<-ctx.Done()
		n.closed(address)
		return nil, ctx.Err()
	}
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		p(far)
	}()
	return &conn{Conn: near, done: sync.OnceFunc(func() { n.closed(address) })}, nil
}

type conn struct {
	net.Conn
	done func()
}

// Close ends the connection.
func (c *conn) Close() error {
	c.done()
	return c.Conn.Close()
}

func (n *Network) closed(address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open[address]--
	n.total--
}

// Dials gives every connection that was asked for at an address, in order.
func (n *Network) Dials(address string) []Dial {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []Dial
	for _, d := range n.dials {
		if d.Address == address {
			out = append(out, d)
		}
	}
	return out
}

// Count gives the number of connections that were asked for, at all addresses.
func (n *Network) Count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.dials)
}

// Overlapped reports that two connections to one address were ever open at once.
func (n *Network) Overlapped() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.overlap
}

// Most gives how many connections were ever open at once.
func (n *Network) Most() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.most
}

// Status is a peer that reads one request and answers with a status.
func Status(code int) Peer {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Length: 2\r\n\r\nok", code, http.StatusText(code))
	}
}

// ByHost is a peer that answers by the Host header; hosts that are not listed get
// 404.
func ByHost(codes map[string]int) Peer {
	return func(c net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		code := codes[r.Host]
		if code == 0 {
			code = http.StatusNotFound
		}
		fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\n\r\n", code, http.StatusText(code))
	}
}

// Accept is a peer that accepts and then closes.
func Accept(net.Conn) {}

// Hang is a peer that accepts and says nothing until the other side goes.
func Hang(c net.Conn) {
	buf := make([]byte, 512)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}
