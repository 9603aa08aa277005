// SPDX-License-Identifier: Apache-2.0

package rfc2136

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// fudge is the difference of clocks that TSIG bears, in seconds (RFC 8945 §10).
const fudge = 300

// client exchanges signed messages over TCP.
type client struct {
	key     *tsigkey.Key
	ring    *tsigkey.Keyring
	timeout time.Duration
	now     func() time.Time // of signatures
	pool    *pool
}

// exchange signs and sends a message and gives the verified answer. A kept
// connection that the server closed meanwhile is replaced once; every attempt
// has an ID and a signature of its own.
func (c *client) exchange(ctx context.Context, server string, m *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if conn := c.pool.take(server); conn != nil {
		in, err := c.attempt(ctx, conn, server, m.Copy())
		if !errors.Is(err, errConnection) || ctx.Err() != nil {
			return in, err
		}
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	return c.attempt(ctx, conn, server, m.Copy())
}

// errConnection says that a connection broke before an answer came.
var errConnection = errors.New("the connection broke")

// attempt sends one message over one connection, which it keeps or closes.
func (c *client) attempt(ctx context.Context, conn net.Conn, server string, m *dns.Msg) (*dns.Msg, error) {
	m.Id = dns.Id()
	m.SetTsig(c.key.Name, c.key.Algorithm, fudge, c.now().Unix())
	wire, mac, err := dns.TsigGenerateWithProvider(m, c.ring, "", false)
	if err != nil {
		c.pool.put(server, conn)
		return nil, fmt.Errorf("signing with key %s: %w", c.key.Name, err)
	}
	frame, err := roundTrip(ctx, conn, wire)
	if err != nil {
		_ = conn.Close()
		return nil, errors.Join(errConnection, err)
	}
	in, err := c.accept(m, mac, frame)
	if errors.Is(err, errMismatch) {
		_ = conn.Close() // what comes next on it would not be ours either
		return nil, err
	}
	c.pool.put(server, conn)
	return in, err
}

// roundTrip writes one framed message (RFC 1035 §4.2.2) and reads one.
func roundTrip(ctx context.Context, conn net.Conn, wire []byte) ([]byte, error) {
	if len(wire) > dns.MaxMsgSize {
		return nil, fmt.Errorf("the message has %d octets, more than DNS can carry", len(wire))
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	out := binary.BigEndian.AppendUint16(make([]byte, 0, len(wire)+2), uint16(len(wire)))
	if _, err := conn.Write(append(out, wire...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(conn, frame)
	return frame, err
}

// errMismatch says that what came is not the answer to what was asked.
var errMismatch = errors.New("the answer does not belong to the question")

// accept takes a frame as the answer to a signed message, or says why not
// (dns-behaviour row 117).
func (c *client) accept(m *dns.Msg, mac string, frame []byte) (*dns.Msg, error) {
	in := new(dns.Msg)
	if err := in.Unpack(frame); err != nil {
		return nil, fmt.Errorf("%w: %w", errMismatch, err)
	}
	if in.Id != m.Id || !in.Response || in.Opcode != m.Opcode || !sameQuestion(m, in) {
		return nil, errMismatch
	}
	t := in.IsTsig()
	if t == nil {
		return nil, &rcodeError{rcode: in.Rcode}
	}
	if t.Error != dns.RcodeSuccess {
		return nil, &rcodeError{rcode: in.Rcode, tsig: int(t.Error), skew: skewOf(t)}
	}
	if in.Rcode == dns.RcodeNotAuth {
		// The library verifies no NOTAUTH; it is a failure, signed or not.
		return nil, &rcodeError{rcode: in.Rcode, signed: true}
	}
	if dns.CanonicalName(t.Hdr.Name) != c.key.Name {
		return nil, fmt.Errorf("%w: it is signed with key %s", errMismatch, t.Hdr.Name)
	}
	// Verifying changes the bytes that it is given.
	err := dns.TsigVerifyWithProvider(bytes.Clone(frame), c.ring, mac, false)
	if errors.Is(err, dns.ErrTime) {
		skew := time.Duration(int64(t.TimeSigned)-c.now().Unix()) * time.Second
		return nil, &rcodeError{rcode: in.Rcode, tsig: dns.RcodeBadTime, skew: skew}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: its signature is wrong: %w", errMismatch, err)
	}
	return in, nil
}

// sameQuestion compares questions without regard to case. RFC 2136 §3.8 lets an
// answer to an update leave the zone section out.
func sameQuestion(m, in *dns.Msg) bool {
	if len(in.Question) == 0 {
		return m.Opcode == dns.OpcodeUpdate || in.Rcode != dns.RcodeSuccess
	}
	q, a := m.Question[0], in.Question[0]
	return len(in.Question) == 1 && q.Qtype == a.Qtype && q.Qclass == a.Qclass &&
		dns.CanonicalName(q.Name) == dns.CanonicalName(a.Name)
}

// skewOf reads the server's time out of a BADTIME answer (RFC 8945 §5.2.3): how
// far its clock is ahead of the one that signed the question.
func skewOf(t *dns.TSIG) time.Duration {
	var server uint64
	if t.Error != dns.RcodeBadTime || len(t.OtherData) != 12 {
		return 0
	}
	if _, err := fmt.Sscanf(t.OtherData, "%012x", &server); err != nil {
		return 0
	}
	return time.Duration(int64(server)-int64(t.TimeSigned)) * time.Second
}
