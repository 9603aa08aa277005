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

// record is a TSIG record (RFC 8945 §4.2).
type record struct {
	key, alg string // canonical presentation form
	time     uint64 // seconds; 48 bits on the wire
	fudge    uint16
	mac      []byte
	id       uint16 // of the original message
	code     uint16 // TSIG error
	other    []byte
	at       int // where it begins in its message
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
	if err != nil || off+10 > len(msg) {
		return nil, ErrForm
	}
	r := &record{key: dns.CanonicalName(key), alg: dns.CanonicalName(alg), at: at}
	r.time = uint64(binary.BigEndian.Uint16(msg[off:]))<<32 | uint64(binary.BigEndian.Uint32(msg[off+2:]))
	r.fudge = binary.BigEndian.Uint16(msg[off+6:])
	n := int(binary.BigEndian.Uint16(msg[off+8:]))
	off += 10
	if off+n+6 > len(msg) {
		return nil, ErrForm
	}
	r.mac = msg[off : off+n]
	off += n
	r.id, r.code = binary.BigEndian.Uint16(msg[off:]), binary.BigEndian.Uint16(msg[off+2:])
	n = int(binary.BigEndian.Uint16(msg[off+4:]))
	if off+6+n != len(msg) {
		return nil, ErrForm
	}
	r.other = msg[off+6:]
	return r, nil
}

// appendTo adds the record to a finished message and counts it.
func (r *record) appendTo(msg []byte) []byte {
	start := len(msg)
	msg = appendName(msg, r.key)
	msg = binary.BigEndian.AppendUint16(msg, dns.TypeTSIG)
	msg = binary.BigEndian.AppendUint16(msg, dns.ClassANY)
	msg = append(msg, 0, 0, 0, 0, 0, 0)
	data := len(msg)
	msg = appendName(msg, r.alg)
	msg = r.appendTimers(msg)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(r.mac)))
	msg = append(msg, r.mac...)
	msg = binary.BigEndian.AppendUint16(msg, r.id)
	msg = binary.BigEndian.AppendUint16(msg, r.code)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(r.other)))
	msg = append(msg, r.other...)
	binary.BigEndian.PutUint16(msg[data-2:], uint16(len(msg)-data))
	binary.BigEndian.PutUint16(msg[10:], binary.BigEndian.Uint16(msg[10:])+1)
	r.at = start
	return msg
}

func (r *record) appendTimers(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(r.time>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(r.time))
	return binary.BigEndian.AppendUint16(b, r.fudge)
}

// digest gives what the MAC covers (RFC 8945 §4.3): the MAC before, unsigned
// messages since then, the message without its TSIG, and the variables, of
// which messages after the first of an answer carry only the timers (§5.3.1).
func (r *record) digest(prior, pending, msg []byte, timersOnly bool) []byte {
	b := make([]byte, 0, len(prior)+len(pending)+len(msg)+len(r.key)+len(r.alg)+len(r.other)+24)
	if prior != nil {
		b = binary.BigEndian.AppendUint16(b, uint16(len(prior)))
		b = append(b, prior...)
	}
	b = append(b, pending...)
	b = append(b, msg...)
	if timersOnly {
		return r.appendTimers(b)
	}
	b = appendName(b, r.key)
	b = binary.BigEndian.AppendUint16(b, dns.ClassANY)
	b = append(b, 0, 0, 0, 0)
	b = appendName(b, r.alg)
	b = r.appendTimers(b)
	b = binary.BigEndian.AppendUint16(b, r.code)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.other)))
	return append(b, r.other...)
}

// bare gives the message as it was before it was signed: without the record, and
// with its original ID.
func (r *record) bare(msg []byte) []byte {
	b := append([]byte(nil), msg[:r.at]...)
	binary.BigEndian.PutUint16(b, r.id)
	binary.BigEndian.PutUint16(b[10:], binary.BigEndian.Uint16(b[10:])-1)
	return b
}

// inTime reports that a clock is within the fudge of the signer's.
func (r *record) inTime(now int64) bool {
	d := now - int64(r.time) // both far from the bounds of an int64
	return max(d, -d) <= int64(r.fudge)
}

// appendName packs a canonical name; one that came off the wire or out of a key
// always packs.
func appendName(b []byte, name string) []byte {
	var buf [256]byte
	n, err := dns.PackDomainName(name, buf[:], 0, nil, false)
	if err != nil {
		return append(b, 0)
	}
	return append(b, buf[:n]...)
}
