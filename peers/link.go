// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// link keeps one connection to one address of a peer.
type link struct {
	peer   *peer
	addr   string
	lane   int  // which part of the subscriptions
	second bool // the other link of the address comes first
	stop   context.CancelFunc
	at     atomic.Pointer[string] // the instance that answers; nil: none yet
}

// run connects again and again until ctx ends.
func (l *link) run(ctx context.Context) {
	retry := firstRetry
	for ctx.Err() == nil {
		if !l.wanted(ctx) {
			return
		}
		began := time.Now()
		awake := l.peer.awake()
		if worked := l.connect(ctx); worked && time.Since(began) > maxRetry {
			retry = firstRetry
		}
		l.rest(ctx, began, l.jitter(retry), awake)
		most := maxRetry
		if l.peer.left.Load() {
			most = defaultLongHold
		}
		retry = min(2*retry, most)
	}
}

// wanted waits until there is something to read.
func (l *link) wanted(ctx context.Context) bool {
	for {
		subs, changed := l.peer.lane(l.lane)
		if len(subs) > 0 {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-changed:
		}
	}
}

// jitter spreads attempts, so that links and clusters do not march in step.
func (l *link) jitter(d time.Duration) time.Duration {
	return d*3/4 + time.Duration(l.peer.x.cfg.Rand()*float64(d)/4)
}

// rest waits until d after the last attempt began, or until the peer calls.
func (l *link) rest(ctx context.Context, began time.Time, d time.Duration, awake <-chan struct{}) {
	t := time.NewTimer(d - time.Since(began))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-awake:
	}
}

// connect dials and reads until the connection ends; from time to time another one
// takes its place: behind one address there can be several instances, and one of them
// can go on from old memory. While both connections end at one instance, each is replaced
// every redialEvery; else seldom. It says whether a valid answer came.
func (l *link) connect(ctx context.Context) (worked bool) {
	r := l.open(ctx)
	if r == nil {
		return false
	}
	l.at.Store(nil)
	t := time.NewTimer(l.jitter(redialEvery))
	defer t.Stop()
	for since := time.Now(); ; t.Reset(l.jitter(redialEvery)) {
		select {
		case <-r.ended:
			return r.worked
		case <-t.C:
		}
		if l.peer.spread(l.addr) && time.Since(since) < redialSpread {
			continue
		}
		if next := l.successor(ctx); next != nil {
			r.end()
			r, since = next, time.Now()
		}
	}
}

// reading is one connection that is read; what the session knows is read after it ended.
type reading struct {
	*session
	stop  context.CancelFunc
	ended chan struct{}
}

func (r *reading) end() {
	r.stop()
	<-r.ended
}

// open dials and reads; nil: nobody took the call.
func (l *link) open(ctx context.Context) *reading {
	p := l.peer
	conn, err := l.dial(ctx)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Canceled
		}
		p.disconnected(false, false, err)
		return nil
	}
	p.connected()
	ctx, stop := context.WithCancel(ctx)
	r := &reading{session: newSession(l, conn), stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		defer stop()
		err := r.run(ctx)
		conn.Close()
		if ctx.Err() != nil {
			err = context.Canceled
		}
		r.cut()
		p.disconnected(true, r.worked, err)
	}()
	return r
}

// successor opens another connection to the same address and gives it when it brought
// a valid answer; nil: it did not in time, and the one that stands goes on.
func (l *link) successor(ctx context.Context) *reading {
	r := l.open(ctx)
	if r == nil {
		return nil
	}
	t := time.NewTimer(l.peer.x.cfg.Hold + grace)
	defer t.Stop()
	select {
	case <-r.works:
		return r
	case <-r.ended:
	case <-t.C:
		r.end()
	}
	return nil
}

// frame is one message as it came, or the end of the connection.
type frame struct {
	msg []byte
	err error
}

// readFrames gives every message of a connection until it ends or done closes.
func readFrames(conn net.Conn, out chan<- frame, done <-chan struct{}) {
	var head [2]byte
	for {
		_, err := io.ReadFull(conn, head[:])
		var msg []byte
		if err == nil {
			n := binary.BigEndian.Uint16(head[:])
			if n < headerLen {
				err = fmt.Errorf("a message of %d octets", n)
			} else {
				msg = make([]byte, n)
				_, err = io.ReadFull(conn, msg)
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errEnded
		}
		select {
		case out <- frame{msg, err}:
		case <-done:
			return
		}
		if err != nil {
			return
		}
	}
}

var (
	errEnded  = errors.New("the peer closed the connection")
	errSilent = errors.New("no answer in time")
)
