// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"time"
)

// crowdedWrite bounds the write of an answer of the slow path while many messages are with
// it: it keeps its place until it is written, and who does not read must not keep all.
const crowdedWrite = 500 * time.Millisecond

// awaitWriter returns when nothing is being written.
func (c *tcpConn) awaitWriter() {
	c.mu.Lock()
	defer c.mu.Unlock()
}

// send writes one message of the slow path.
func (c *tcpConn) send(msg []byte) error {
	frame := make([]byte, 2, 2+len(msg))
	binary.BigEndian.PutUint16(frame, uint16(len(msg)))
	bound := c.shared.write
	if c.slow.crowded() {
		bound = min(bound, crowdedWrite)
	}
	return c.writeAll(append(frame, msg...), bound)
}

// flush writes the answers that were collected, and lets others have their turn:
// who asks without end on many connections must not keep the sockets of UDP from
// being read.
func (c *tcpConn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	err := c.writeAll(c.out, c.shared.write)
	if cap(c.out) <= 2*tcpFlush {
		*c.lent = c.out[:0]
		c.shared.outs.Put(c.lent)
	}
	c.out, c.lent = nil, nil
	runtime.Gosched()
	return err
}

func (c *tcpConn) writeAll(b []byte, bound time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.SetWriteDeadline(time.Now().Add(bound)) // where it fails, the write does
	_, err := c.Write(b)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.r.count.end(endWrite)
		}
		c.abort() // a frame may be cut: nothing after it could be understood
	}
	return err
}

// finish waits until the slow path is done with what came before the end, but
// not longer than an idle connection may live: whether the client closed its
// half or is gone cannot be seen.
func (c *tcpConn) finish(ctx context.Context) {
	timer := time.NewTimer(c.shared.idle)
	defer timer.Stop()
	for range cap(c.slots) {
		select {
		case c.slots <- struct{}{}:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
