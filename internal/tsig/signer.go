// SPDX-License-Identifier: Apache-2.0

package tsig

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// Signer finishes the messages of the answer to one request, in their order. It
// is made by [Verify] and is not safe for concurrent use.
type Signer struct {
	asked record       // of the request
	key   *tsigkey.Key // nil: unknown, or its MAC was wrong
	code  uint16       // TSIG error of the answer
	prior []byte       // MAC of the message before; first that of the request
	later bool         // not the first message: it covers timers only
}

// Key is the key that the request was signed with; nil if that cannot be said
// because of [ErrBadKey] or [ErrBadSig].
func (s *Signer) Key() *tsigkey.Key { return s.key }

// KeyName is the name of the key that the request claims, canonical.
func (s *Signer) KeyName() string { return s.asked.key }

// Code is the TSIG error that the answer will state: 0 (none), BADSIG, BADKEY,
// BADTIME or BADTRUNC.
func (s *Signer) Code() uint16 { return s.code }

// Room is how many octets [Signer.Sign] adds to a message, at most.
func (s *Signer) Room() int { return len(s.asked.Key) + len(s.asked.Alg) + 26 + 64 + 6 }

// Bare gives a copy of the request, which is the one that was given to [Verify],
// without its TSIG record.
func (s *Signer) Bare(msg []byte) []byte {
	b := append([]byte(nil), msg[:s.asked.at]...)
	binary.BigEndian.PutUint16(b[10:], binary.BigEndian.Uint16(b[10:])-1)
	return b
}

// Sign finishes a packed message without TSIG: it appends the record and counts
// it. The slice may be written to and is the answer's if it has room. The first
// message is signed with the MAC of the request, each later one with that of the
// message before (RFC 8945 §5.3.1). Answers to [ErrBadKey] and [ErrBadSig] get a
// record without MAC. The error is about a secret that cannot be read.
func (s *Signer) Sign(msg []byte, now time.Time) ([]byte, error) {
	if len(msg) < header {
		return nil, errors.New("a DNS message has 12 octets or more")
	}
	r := Record{Key: s.asked.Key, Alg: s.asked.Alg, Time: uint64(now.Unix()), Fudge: fudge, ID: binary.BigEndian.Uint16(msg), Code: s.code}
	switch {
	case s.key == nil:
		r.Time, r.Fudge = s.asked.Time, s.asked.Fudge
		return r.AppendTo(msg), nil
	case s.code == dns.RcodeBadTime: // RFC 8945 §5.2.3: the client's time, and ours beside it
		r.Time, r.Fudge = s.asked.Time, s.asked.Fudge
		r.Other = binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))[2:]
	}
	var err error
	if r.MAC, err = mac(s.key, r.Digest(s.prior, nil, msg, s.later)); err != nil {
		return nil, fmt.Errorf("signing with %s: %w", s.key, err)
	}
	s.prior, s.later = r.MAC, true
	return r.AppendTo(msg), nil
}
