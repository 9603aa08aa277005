// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

const (
	// udpSize is what we take and send over UDP without fragments (RFC 9715 §3).
	udpSize = 1232
	// plainSize is what everybody takes over UDP (RFC 1035 §4.2.1).
	plainSize = 512
	// maxMessage is what fits into a TCP frame.
	maxMessage = 65535
	// optSize is an OPT record without options.
	optSize = 11
)

// Extended DNS Errors (RFC 8914 §4). noEDE stands for none.
const (
	edeStale            = dns.ExtendedErrorCodeStaleAnswer
	edeNotReady         = dns.ExtendedErrorCodeNotReady
	edeNotAuthoritative = dns.ExtendedErrorCodeNotAuthoritative
	noEDE               = 0xFFFF
)

// limit gives the largest answer that the sender of the query takes.
func (q *query) limit(tcp bool) int {
	switch {
	case tcp:
		return maxMessage
	case !q.opt, q.size < plainSize: // RFC 6891 §6.2.3: less counts as 512
		return plainSize
	// RFC 8482: ANY is a question of amplifiers; it never gets more than any
	// other question did before EDNS.
	case q.qtype == dns.TypeANY:
		return plainSize
	}
	return min(int(q.size), udpSize)
}

// limit gives the largest answer that the sender of the query is given: over UDP, who did
// not prove its address by a cookie may get less than it takes.
func (r *responder) limit(tcp bool) int {
	n := r.q.limit(tcp)
	if !tcp && r.uncookied > 0 && r.state != cookieValid {
		n = min(n, r.uncookied)
	}
	return n
}

// optLen is the length of the OPT record that appendOPT would add.
func (r *responder) optLen(tcp bool, ede uint16) int {
	if !r.q.opt {
		return 0
	}
	n := optSize
	if r.q.nsid && len(r.nsid) > 0 {
		n += 4 + len(r.nsid)
	}
	if r.q.keepalive && tcp {
		n += 6
	}
	if r.state != cookieNone {
		n += 4 + clientCookie + serverCookie
	}
	if r.q.subnet != nil {
		n += 4 + len(r.q.subnet)
	}
	if ede != noEDE {
		n += 6
	}
	return n
}

// appendOPT adds the OPT record that answers the one in the query: version 0,
// our size, DO copied (RFC 3225 §3), and only options that were asked for or
// that explain an error. It counts the records: none if none was asked. The
// message begins at head.
func (r *responder) appendOPT(out []byte, head int, tcp bool, rcode int, ede uint16) ([]byte, int) {
	size := r.optLen(tcp, ede)
	if size == 0 {
		return out, 0
	}
	padding := r.padding(len(out) - head + size)
	if padding >= 0 {
		size += 4 + padding
	}
	flags := uint32(rcode>>4) << 24
	if r.q.do {
		flags |= 1 << 15
	}
	out = append(out, 0)
	out = binary.BigEndian.AppendUint16(out, dns.TypeOPT)
	out = binary.BigEndian.AppendUint16(out, udpSize)
	out = binary.BigEndian.AppendUint32(out, flags)
	out = binary.BigEndian.AppendUint16(out, uint16(size-optSize))
	if r.q.nsid && len(r.nsid) > 0 {
		out = binary.BigEndian.AppendUint16(out, dns.EDNS0NSID)
		out = binary.BigEndian.AppendUint16(out, uint16(len(r.nsid)))
		out = append(out, r.nsid...)
	}
	if r.q.keepalive && tcp { // RFC 7828 §3.3.2; over UDP it is ignored
		out = binary.BigEndian.AppendUint16(out, dns.EDNS0TCPKEEPALIVE)
		out = append(out, 0, 2)
		out = binary.BigEndian.AppendUint16(out, r.keepalive)
	}
	if r.state != cookieNone { // RFC 7873 §5.2: the client's part as it came, and ours
		out = binary.BigEndian.AppendUint16(out, dns.EDNS0COOKIE)
		out = append(out, 0, clientCookie+serverCookie)
		out = append(out, r.q.cookie[:clientCookie]...)
		out = append(out, r.cookie[:]...)
	}
	if r.q.subnet != nil { // RFC 7871 §7.2.1: as it came; scope 0, because the answer is everybody's
		out = binary.BigEndian.AppendUint16(out, dns.EDNS0SUBNET)
		out = binary.BigEndian.AppendUint16(out, uint16(len(r.q.subnet)))
		out = append(out, r.q.subnet...)
	}
	if ede != noEDE {
		out = binary.BigEndian.AppendUint16(out, dns.EDNS0EDE)
		out = append(out, 0, 2)
		out = binary.BigEndian.AppendUint16(out, ede)
	}
	if padding >= 0 {
		out = binary.BigEndian.AppendUint16(out, dns.EDNS0PADDING)
		out = binary.BigEndian.AppendUint16(out, uint16(padding))
		out = append(out, zeros[:padding]...)
	}
	return out, 1
}

// padBlock is what the size of an encrypted answer is a multiple of, for those
// who pad their queries (RFC 8467 §4.1).
const padBlock = 468

var zeros [padBlock]byte

// padding gives how many octets pad a message of so many; -1: none, and no option.
func (r *responder) padding(octets int) int {
	if !r.pads || !r.q.padding || octets+4+padBlock > maxMessage {
		return -1
	}
	return padBlock - 1 - (octets+4+padBlock-1)%padBlock
}
