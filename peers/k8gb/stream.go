// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// stream keeps one TCP connection to a server, on which many questions are on their
// way at once (RFC 7766 §6.2.1.1). It connects when it is asked.
type stream struct {
	dial func(context.Context) (net.Conn, error)

	turn   chan struct{} // one place: held while the rest is looked at, also while dialling
	conn   *connection   // nil: none
	failed time.Time     // when dialling failed last
	err    error         // why
	closed bool
}

func newStream(dial func(context.Context) (net.Conn, error)) *stream {
	return &stream{dial: dial, turn: make(chan struct{}, 1)}
}

// dialError says that there is no connection.
type dialError struct{ err error }

// Error implements error.
func (e *dialError) Error() string { return fmt.Sprintf("no TCP connection: %v", e.err) }

// Unwrap gives what went wrong.
func (e *dialError) Unwrap() error { return e.err }

// ask asks, once more on a new connection where the server closed the first one: some
// close them after a number of questions.
func (s *stream) ask(ctx context.Context, q question) (*dns.Msg, error) {
	for try := 0; ; try++ {
		c, err := s.connected(ctx)
		if err != nil {
			return nil, err
		}
		m, err := c.ask(ctx, q)
		if err == nil || ctx.Err() != nil || try == 1 {
			return m, err
		}
	}
}

// connected gives the connection, a new one if need be. After a failure it is not
// tried again for a moment.
func (s *stream) connected(ctx context.Context) (*connection, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	switch {
	case s.closed:
		return nil, errEnded
	case s.conn != nil && !s.conn.ended():
		return s.conn, nil
	case s.err != nil && time.Since(s.failed) < redialAfter:
		return nil, &dialError{s.err}
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := s.dial(ctx)
	if err != nil {
		s.failed, s.err = time.Now(), err
		return nil, &dialError{err}
	}
	s.err = nil
	s.conn = newConnection(conn)
	return s.conn, nil
}

func (s *stream) close() {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.closed = true
	if s.conn != nil {
		s.conn.end()
	}
}

// connection is one TCP connection and the questions that wait for an answer on it.
type connection struct {
	net.Conn
	writing chan struct{} // one place: held while a message is written
	done    chan struct{} // closed when it has ended

	mu      sync.Mutex
	over    bool
	waiting map[uint16]waiter
}

type waiter struct {
	q     question
	reply chan *dns.Msg // one place
}

func newConnection(conn net.Conn) *connection {
	c := &connection{Conn: conn, writing: make(chan struct{}, 1), done: make(chan struct{}), waiting: make(map[uint16]waiter)}
	go c.read()
	return c
}

func (c *connection) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

func (c *connection) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.over = true
		close(c.done)
		c.Close()
	}
}

// ask sends a question and waits for its answer. A connection on which one does not
// come is given up, so that the next question gets a new one.
func (c *connection) ask(ctx context.Context, q question) (*dns.Msg, error) {
	w := waiter{q, make(chan *dns.Msg, 1)}
	c.mu.Lock()
	if _, taken := c.waiting[q.msg.Id]; taken || c.over {
		c.mu.Unlock()
		if taken {
			return nil, errBusy
		}
		return nil, errEnded
	}
	c.waiting[q.msg.Id] = w
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.waiting, q.msg.Id)
		c.mu.Unlock()
	}()
	if err := c.write(q.wire); err != nil {
		c.end()
		return nil, errEnded
	}
	select {
	case m := <-w.reply:
		return m, nil
	case <-c.done:
		select {
		case m := <-w.reply: // it was the last
			return m, nil
		default:
			return nil, errEnded
		}
	case <-ctx.Done():
		c.end()
		return nil, ctx.Err()
	}
}

func (c *connection) write(msg []byte) error {
	select {
	case c.writing <- struct{}{}:
		defer func() { <-c.writing }()
	case <-c.done:
		return errEnded
	}
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...))
	return err
}

// read hands every answer to who waits for it, until the connection ends.
func (c *connection) read() {
	defer c.end()
	var head [2]byte
	for {
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		buf := make([]byte, binary.BigEndian.Uint16(head[:]))
		if _, err := io.ReadFull(c, buf); err != nil {
			return
		}
		m := new(dns.Msg)
		if m.Unpack(buf) != nil {
			return
		}
		c.mu.Lock()
		w, there := c.waiting[m.Id]
		c.mu.Unlock()
		if there && answers(m, w.q.msg) {
			select {
			case w.reply <- m:
			default:
			}
		}
	}
}
