// SPDX-License-Identifier: Apache-2.0

package tsig

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

const (
	header = 12
	// fudge is the difference of clocks that we ask others to bear, in seconds
	// (RFC 8945 §10).
	fudge = 300
)

// record is a TSIG record with its names as keys have them.
type record struct {
	Record
	key, alg string // canonical presentation form
	at       int    // where it begins in its message
}

func newRecord(key, alg string) record {
	return record{Record: Record{Key: wireName(key), Alg: wireName(alg)}, key: key, alg: alg}
}

// find gives the TSIG record of a message, nil if it has none. The error is
// [ErrForm]: the message or the record is malformed, or the record is not where
// it must be, once and last in the additional section (RFC 8945 §5.1).
func find(msg []byte) (*record, error) {
	if len(msg) < header {
		return nil, ErrForm
	}
	off := header
	for range binary.BigEndian.Uint16(msg[4:]) {
		end, ok := skipName(msg, off)
		if !ok || end+4 > len(msg) {
			return nil, ErrForm
		}
		off = end + 4
	}
	var counts [3]int
	total := 0
	for i := range counts {
		counts[i] = int(binary.BigEndian.Uint16(msg[6+2*i:]))
		total += counts[i]
	}
	for i := range total {
		start := off
		end, ok := skipName(msg, off)
		if !ok || end+10 > len(msg) {
			return nil, ErrForm
		}
		data := end + 10
		off = data + int(binary.BigEndian.Uint16(msg[end+8:]))
		if off > len(msg) {
			return nil, ErrForm
		}
		if binary.BigEndian.Uint16(msg[end:]) != dns.TypeTSIG {
			continue
		}
		// The last of all records stands in the additional section, unless that is empty.
		if i != total-1 || counts[2] == 0 || off != len(msg) {
			return nil, ErrForm
		}
		return read(msg, start, end)
	}
	return nil, nil
}

// skipName gives the offset after a name, which is not followed.
func skipName(msg []byte, off int) (int, bool) {
	for off < len(msg) {
		switch c := int(msg[off]); {
		case c == 0:
			return off + 1, true
		case c >= 0xC0:
			return off + 2, off+2 <= len(msg)
		case c > 63:
			return 0, false
		default:
			off += 1 + c
		}
	}
	return 0, false
}

// read reads the record that begins at and whose name ends at end; its RDATA is
// known to be the rest of the message.
func read(msg []byte, at, end int) (*record, error) {
	key, _, err := dns.UnpackDomainName(msg, at)
	if err != nil || binary.BigEndian.Uint16(msg[end+2:]) != dns.ClassANY || binary.BigEndian.Uint32(msg[end+4:]) != 0 {
		return nil, ErrForm
	}
	alg, off, err := dns.UnpackDomainName(msg, end+10)
	if err != nil {
		return nil, ErrForm
	}
	r := newRecord(dns.CanonicalName(key), dns.CanonicalName(alg))
	if r.at = at; !r.ReadData(msg[off:]) {
		return nil, ErrForm
	}
	return &r, nil
}

// bare gives the message as it was before it was signed: without the record, and
// with its original ID.
func (r *record) bare(msg []byte) []byte {
	b := append([]byte(nil), msg[:r.at]...)
	binary.BigEndian.PutUint16(b, r.ID)
	binary.BigEndian.PutUint16(b[10:], binary.BigEndian.Uint16(b[10:])-1)
	return b
}

// inTime reports that a clock is within the fudge of the signer's.
func (r *record) inTime(now int64) bool {
	d := now - int64(r.Time) // both far from the bounds of an int64
	return max(d, -d) <= int64(r.Fudge)
}

// wireName packs a canonical name; one that came off the wire or out of a key
// always packs.
func wireName(name string) string {
	var buf [256]byte
	n, err := dns.PackDomainName(name, buf[:], 0, nil, false)
	if err != nil {
		return "\x00"
	}
	return string(buf[:n])
}
