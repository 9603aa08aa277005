// SPDX-License-Identifier: Apache-2.0

package peerstest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
)

// Network connects handlers in memory, so that clusters can talk in a bubble of
// virtual time. Links between two of them can be cut: then nothing arrives and
// nothing says so, as when a route is gone.
type Network struct {
	ctx context.Context

	mu    sync.Mutex
	nodes map[string][]*node // address → who is behind it; several take turns
	turns map[string]int
	cut   map[[2]string]bool
	wires map[*wire]bool
}

type node struct {
	name string
	h    Handler
}

// wire is one connection, relayed in the middle so that it can fall silent.
type wire struct {
	from, to string
	ends     [2]net.Conn // the inner ends
	mu       sync.Mutex
	silent   bool
}

// NewNetwork makes a network without nodes; it ends with ctx.
func NewNetwork(ctx context.Context) *Network {
	return &Network{
		ctx: ctx, nodes: make(map[string][]*node), turns: make(map[string]int),
		cut: make(map[[2]string]bool), wires: make(map[*wire]bool),
	}
}

// Add puts a handler behind an address. Several behind one address are
// connected in turn, as a load balancer does.
func (n *Network) Add(addr, name string, h Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nodes[addr] = append(n.nodes[addr], &node{name, h})
}

// Remove takes every handler of a name away and ends its connections with an
// error, as when a process ends.
func (n *Network) Remove(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for addr, nodes := range n.nodes {
		kept := nodes[:0:0]
		for _, d := range nodes {
			if d.name != name {
				kept = append(kept, d)
			}
		}
		n.nodes[addr] = kept
	}
	for w := range n.wires {
		if w.from == name || w.to == name {
			w.close()
		}
	}
}

// Block stops connections from one node to another; those that stand fall
// silent. The other direction goes on.
func (n *Network) Block(from, to string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[[2]string{from, to}] = true
	for w := range n.wires {
		if w.from == from && w.to == to {
			w.silence()
		}
	}
}

// Cut blocks both directions.
func (n *Network) Cut(a, b string) {
	n.Block(a, b)
	n.Block(b, a)
}

// Heal lets new connections through again; silent ones stay silent.
func (n *Network) Heal(a, b string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.cut, [2]string{a, b})
	delete(n.cut, [2]string{b, a})
}

// Freeze lets every connection to a node fall silent, and every later one: it is
// there and does nothing.
func (n *Network) Freeze(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[[2]string{"", name}] = true
	for w := range n.wires {
		if w.to == name {
			w.silence()
		}
	}
}

// Dialer gives the function by which a node connects.
func (n *Network) Dialer(from string) func(ctx context.Context, addr string) (net.Conn, error) {
	return func(ctx context.Context, addr string) (net.Conn, error) {
		n.mu.Lock()
		nodes := n.nodes[addr]
		if len(nodes) == 0 {
			n.mu.Unlock()
			return nil, fmt.Errorf("dial %s: connection refused", addr)
		}
		d := nodes[n.turns[addr]%len(nodes)]
		n.turns[addr]++
		blocked, frozen := n.cut[[2]string{from, d.name}], n.cut[[2]string{"", d.name}]
		n.mu.Unlock()
		if blocked {
			<-ctx.Done()
			return nil, errors.New("dial " + addr + ": no answer")
		}
		return n.connect(from, d, frozen), nil
	}
}

func (n *Network) connect(from string, d *node, frozen bool) net.Conn {
	client, a := net.Pipe()
	b, server := net.Pipe()
	w := &wire{from: from, to: d.name, ends: [2]net.Conn{a, b}, silent: frozen}
	n.mu.Lock()
	n.wires[w] = true
	n.mu.Unlock()
	var wg sync.WaitGroup
	for i := range w.ends {
		wg.Go(func() { w.relay(w.ends[i], w.ends[1-i]) })
	}
	stop := context.AfterFunc(n.ctx, w.close)
	go func() {
		wg.Wait()
		stop()
		n.mu.Lock()
		delete(n.wires, w)
		n.mu.Unlock()
	}()
	go ServeConn(n.ctx, server, d.h)
	return client
}

// relay passes octets on, or swallows them while the wire is silent.
func (w *wire) relay(from, to net.Conn) {
	defer w.ended(from, to)
	buf := make([]byte, 32<<10)
	for {
		k, err := from.Read(buf)
		if err != nil {
			return
		}
		if w.isSilent() {
			continue
		}
		if _, err := to.Write(buf[:k]); err != nil {
			return
		}
	}
}

// ended closes the far end too, unless the wire is silent: then nobody hears of it.
func (w *wire) ended(from, to net.Conn) {
	from.Close()
	if !w.isSilent() {
		to.Close()
	}
}

func (w *wire) isSilent() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.silent
}

func (w *wire) silence() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent = true
}

func (w *wire) close() {
	w.ends[0].Close()
	w.ends[1].Close()
}
