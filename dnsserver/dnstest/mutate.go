// SPDX-License-Identifier: Apache-2.0

package dnstest

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// Mutator changes messages a little, the same each time for one seed. It belongs to one
// goroutine.
type Mutator struct {
	*rand.Rand
	from [][]byte
	buf  []byte
}

// NewMutator makes one that starts from some messages, at least one.
func NewMutator(seed uint64, from [][]byte) *Mutator {
	return &Mutator{Rand: rand.New(rand.NewPCG(seed, 1)), from: from}
}

// telling are octets that mean something somewhere: lengths, label types, pointers,
// types.
var telling = [...]byte{0, 1, 2, 6, 10, 12, 41, 63, 64, 0x80, 0xC0, 0xFA, 0xFF}

// Next gives a message that is valid until the next call.
func (m *Mutator) Next() []byte {
	b := append(m.buf[:0], m.from[m.IntN(len(m.from))]...)
	for range 1 + m.IntN(4) {
		switch at := m.IntN(len(b) + 1); m.IntN(8) {
		case 0: // cut
			b = b[:at]
		case 1: // longer
			b = append(b, telling[m.IntN(len(telling))], byte(m.Uint32()))
		case 2: // a piece of another
			other := m.from[m.IntN(len(m.from))]
			b = append(b[:at], other[m.IntN(len(other)+1):]...)
		case 3: // a piece twice
			b = slices.Insert(b, at, b[at:min(len(b), at+m.IntN(16))]...)
		case 4: // a count of the header
			if len(b) >= 12 {
				binary.BigEndian.PutUint16(b[4+2*m.IntN(4):], uint16(m.IntN(4)))
			}
		case 5:
			if at < len(b) {
				b[at] ^= 1 << m.IntN(8)
			}
		default:
			if at < len(b) {
				b[at] = telling[m.IntN(len(telling))]
			}
		}
	}
	m.buf = b
	return b
}
