// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"context"
	"net"
)

// dialled is how one attempt to connect ended.
type dialled struct {
	conn net.Conn
	err  error
}

// dial connects, in dialTimeout at most. When the peer calls meanwhile, it can be
// reached now, and what was sent before that may be lost and is not sent again for a
// second: another attempt goes beside the first.
func (l *link) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	awake := l.peer.awake()
	ended := make(chan dialled, 2)
	running := 0
	attempt := func() {
		running++
		go func() {
			conn, err := l.peer.x.cfg.Dial(ctx, l.addr)
			ended <- dialled{conn, err}
		}()
	}
	attempt()
	for {
		select {
		case d := <-ended:
			if running--; d.err != nil && running > 0 {
				continue
			}
			if running > 0 {
				go hangUp(ended) // the other one ends with ctx
			}
			return d.conn, d.err
		case <-awake:
			awake = nil
			attempt()
		}
	}
}

// hangUp ends the connection of an attempt that was not needed.
func hangUp(ended <-chan dialled) {
	if d := <-ended; d.conn != nil {
		d.conn.Close()
	}
}
