// SPDX-License-Identifier: Apache-2.0

package rdata

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// Canonical gives the one text of data that is equal for equal data: names
// absolute and in lower case, numbers, text and escapes as the library writes
// them, and \# LENGTH HEX for types that it does not know (RFC 3597 §5). Text of
// TXT records without any quote is one string, blanks and semicolons included.
// The error says what is wrong and what would be right.
func Canonical(t uint16, data string) (string, error) {
	rr, wire, err := read(t, data)
	if err != nil {
		return "", err
	}
	if _, unknown := rr.(*dns.RFC3597); !unknown {
		text := strings.TrimPrefix(rr.String(), rr.Header().String())
		if _, again, err := read(t, text); err == nil && string(again) == string(wire) {
			return text, nil
		}
	}
	// Also what the library knows, but does not write as it reads.
	return strings.TrimSpace(fmt.Sprintf(`\# %d %s`, len(wire), hex.EncodeToString(wire))), nil
}

// Data is the data of a record in wire form, uncompressed, with names in lower
// case where the library knows them.
type Data struct {
	Wire     []byte
	Target   int  // offset of the name that the record leads to, which stands at the end or before parameters; -1: none
	Compress bool // that name may be compressed in messages (RFC 3597 §4)
}

// Name gives the name that a record leads to, in wire form; nil if there is none.
func (d Data) Name() []byte {
	if d.Target < 0 {
		return nil
	}
	end := d.Target
	for d.Wire[end] != 0 {
		end += 1 + int(d.Wire[end])
	}
	return d.Wire[d.Target : end+1]
}

// Pack gives the wire form of data, as [Canonical] reads it.
func Pack(t uint16, data string) (Data, error) {
	_, wire, err := read(t, data)
	if err != nil {
		return Data{}, err
	}
	d := Data{Wire: wire}
	d.Target, d.Compress = nameIn(t)
	return d, nil
}

// Unpack gives the canonical text of data in wire form, uncompressed, as it
// comes in an update or a transfer.
func Unpack(t uint16, wire []byte) (string, error) {
	return Canonical(t, fmt.Sprintf(`\# %d %s`, len(wire), hex.EncodeToString(wire)))
}
