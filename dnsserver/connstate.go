// SPDX-License-Identifier: Apache-2.0

package dnsserver

// connState says what a connection waits for.
type connState uint8

const (
	connHandshake connState = iota // the beginning of TLS
	connIdle                       // a message
	connReading                    // the rest of a message
	connSlow                       // the slow path
	connStates
)

var connStateNames = [connStates]string{"handshake", "idle", "reading", "slow"}

// state may be asked by anybody.
func (c *tcpConn) state() connState {
	switch {
	case c.greeting.Load():
		return connHandshake
	case c.busy():
		return connSlow
	case c.partial.Load():
		return connReading
	}
	return connIdle
}
