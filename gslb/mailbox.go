// SPDX-License-Identifier: Apache-2.0

package gslb

// Mailbox is a place for the newest World. Its methods are safe for one reader.
type Mailbox struct{ place chan *World }

func (b *Mailbox) put(w *World) {
	for {
		select {
		case b.place <- w:
			return
		default:
		}
		select {
		case <-b.place:
		default:
		}
	}
}

// C is the channel on which the newest World waits.
func (b *Mailbox) C() <-chan *World { return b.place }
