// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// How a question to the edge is repeated.
const (
	edgeTries   = 3
	edgeTimeout = 350 * time.Millisecond
)

// publisher is the way of one process to the edge zone: an edge.Publisher over
// roads that can be cut, slow and lossy, to a server that can be down.
type publisher struct{ p *process }

// exchange carries a question there, has it answered, and carries the answer
// back. What is lost is sent again, and can then arrive twice. Where the first server of
// the edge is down the second one does other; nil: it cannot.
func (e *publisher) exchange(ctx context.Context, to gslb.GeoTag, work, other func() error) error {
	p, s := e.p, e.p.s
	for range edgeTries {
		if err := p.gate(ctx); err != nil {
			return e.unreachable(err)
		}
		there, ok := e.travel(p.c.tag, to)
		if !ok {
			if err := nap(ctx, edgeTimeout); err != nil {
				return e.unreachable(err)
			}
			continue
		}
		if err := nap(ctx, there); err != nil {
			return e.unreachable(err)
		}
		s.mu.Lock()
		if s.zoneAt.down && to == edgeSite {
			s.mu.Unlock()
			if err := nap(ctx, edgeTimeout); err != nil {
				return e.unreachable(err)
			}
			s.mu.Lock()
			if s.zoneAt.copy == nil || other == nil {
				s.mu.Unlock()
				continue
			}
			work = other
		}
		err := work()
		if q := s.net.at(p.c.tag, to); q.twice > 0 && p.random.Float64() < q.twice {
			time.AfterFunc(time.Duration(p.random.Int64N(int64(4*time.Second))), func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				_ = work() // a copy that was on its way for long
			})
		}
		s.mu.Unlock()
		back, ok := e.travel(to, p.c.tag)
		if !ok {
			if err := nap(ctx, edgeTimeout); err != nil {
				return e.unreachable(err)
			}
			continue
		}
		if lost := nap(ctx, back); lost != nil {
			return e.unreachable(lost)
		}
		if lost := p.gate(ctx); lost != nil {
			return e.unreachable(lost)
		}
		return err
	}
	return e.unreachable(errors.New("no answer"))
}

func (e *publisher) travel(from, to gslb.GeoTag) (time.Duration, bool) {
	e.p.s.mu.Lock()
	defer e.p.s.mu.Unlock()
	return e.p.s.net.take(from, to, e.p.random)
}

func (e *publisher) unreachable(err error) error {
	return &edge.Error{Reason: edge.ReasonUnreachable, Server: edgeAddr, Message: "edge server " + edgeAddr + " does not answer", Err: err}
}

// Lookup implements edge.Publisher.
func (e *publisher) Lookup(ctx context.Context, q edge.Query) (edge.Answer, error) {
	var a edge.Answer
	z, done := e.p.s.zoneAt, false // a copy that arrives later changes nothing any more
	from := func(server string, sets func() map[rrset][]string) func() error {
		if q.Server != "" && q.Server != server {
			return nil
		}
		return func() error {
			if !done {
				a = edge.Answer{Server: server, Data: slices.Clone(sets()[rrset{q.Name, q.Type}])}
			}
			return nil
		}
	}
	first := from(edgeAddr, func() map[rrset][]string { return z.sets })
	second := from(secondAddr, func() map[rrset][]string { return z.copy })
	if first == nil {
		first = second
	}
	err := e.exchange(ctx, edgeSite, first, second)
	e.p.s.mu.Lock()
	defer e.p.s.mu.Unlock()
	done = true
	if f := e.p.s.mutant.lookup; f != nil {
		a = f(a)
	}
	return a, err
}

// Update implements edge.Publisher.
func (e *publisher) Update(ctx context.Context, c edge.Change) (string, error) {
	if f := e.p.s.mutant.update; f != nil {
		c = f(e.p, c)
	}
	return edgeAddr, e.exchange(ctx, edgeSite, func() error { return e.p.s.zoneAt.take(e.p, c) }, nil)
}

// ask puts one question to a server outside.
func (p *process) ask(ctx context.Context, server string, _ gslb.Name) error {
	to := edgeSite
	if server == anchorAddr {
		to = anchorSite
	}
	answered := func() error { return nil }
	return (&publisher{p}).exchange(ctx, to, answered, answered)
}

// dialEntry connects to an entry of a cluster as a client does.
func (p *process) dialEntry(ctx context.Context, _, address string) (net.Conn, error) {
	s := p.s
	if err := p.gate(ctx); err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	owner := s.ownerOf(host)
	silent := owner == nil || !owner.powered || !s.clientsReach(p.c, owner)
	serves := !silent && owner.answers(parseAddr(host))
	d := s.net.delay
	s.mu.Unlock()
	if silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err := nap(ctx, 2*d); err != nil {
		return nil, err
	}
	return &entryConn{serves: serves}, nil
}

// entryConn answers one HTTP request: 200 by an application that serves, 503 by
// the load balancer in front of one that does not.
type entryConn struct {
	conn
	serves bool
	said   bool
}

// Write takes the request.
func (e *entryConn) Write(b []byte) (int, error) { return len(b), nil }

// Close ends the connection.
func (e *entryConn) Close() error { return nil }

// Read gives the answer.
func (e *entryConn) Read(b []byte) (int, error) {
	if e.said {
		return 0, net.ErrClosed
	}
	e.said = true
	status := "503 Service Unavailable"
	if e.serves {
		status = "200 OK"
	}
	return copy(b, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), nil
}
