// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"encoding/binary"
	"errors"
	"os"
	"time"
)

// buffered reports that a whole message waits in the buffer.
func (c *tcpConn) buffered() bool {
	n := c.to - c.from
	return n >= 2 && n >= 2+int(binary.BigEndian.Uint16(c.in[c.from:]))
}

// next gives the next message, which is valid until the next call. Waiting for
// its beginning may take as long as a connection may idle, or for ever while the
// slow path is at work; all the rest together only as long as a message may take.
func (c *tcpConn) next() ([]byte, error) {
	for {
		if have := c.to - c.from; have >= 2 {
			n := int(binary.BigEndian.Uint16(c.in[c.from:]))
			if n < headerSize {
				return nil, errShortMessage
			}
			if end := 2 + n; have >= end {
				msg := c.in[c.from+2 : c.from+end]
				c.from += end
				c.whole()
				return msg, nil
			}
			c.missing = 2 + n - have
		}
		if err := c.makeRoom(); err != nil {
			return nil, err
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// whole says that a message came to its end.
func (c *tcpConn) whole() {
	c.pieces, c.missing = 0, 0
	if c.lowWater > 1 {
		c.lowWater = 1
		setLowWater(c.raw, 1)
	}
	if c.partial.Load() {
		c.partial.Store(false)
	}
}

// awaitRest lets the reader sleep until the rest of a message is there, if that comes in
// small pieces: two hundred clients that send octet by octet must not wake us for each.
func (c *tcpConn) awaitRest() {
	if c.pieces < slowPieces || c.tls != nil || c.missing == 0 {
		return
	}
	if n := min(c.missing, tcpBuffer); n != c.lowWater {
		c.lowWater = n
		setLowWater(c.raw, n)
	}
}

// makeRoom makes room at the end of the buffer. It grows with what was sent, not
// with what was announced.
func (c *tcpConn) makeRoom() error {
	have := c.to - c.from
	in := c.in
	switch {
	case have == 0 && len(in) > tcpBuffer:
		in = make([]byte, tcpBuffer)
	case have == len(in):
		if in = c.shared.long.get(len(in)); in == nil {
			c.r.count.end(endMemory)
			return errNoRoom
		}
	}
	copy(in, c.in[c.from:c.to])
	if len(in) != len(c.in) {
		c.shared.long.put(c.in)
	}
	c.in, c.from, c.to = in, 0, have
	return nil
}

// fill reads once.
func (c *tcpConn) fill() error {
	for {
		started := c.to > c.from
		if !started {
			_ = c.SetReadDeadline(time.Now().Add(c.shared.idle)) // where it fails, the read does
		} else if !c.partial.Load() {
			c.partial.Store(true)
			_ = c.SetReadDeadline(time.Now().Add(c.shared.message)) // the same
		}
		if c.stopping.Load() {
			return errStopping
		}
		c.awaitRest()
		n, err := c.Read(c.in[c.to:])
		c.to += n
		c.pieces++
		switch {
		case n > 0:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded) && !started && c.busy() && !c.stopping.Load():
			continue
		case err != nil:
			if errors.Is(err, os.ErrDeadlineExceeded) && !c.stopping.Load() {
				c.r.count.end(endReason(started))
			}
			return err
		}
	}
}
