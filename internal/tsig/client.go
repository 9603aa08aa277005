// SPDX-License-Identifier: Apache-2.0

package tsig

import (
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// Bounds of what may stand unsigned between two signed messages of an answer
// (RFC 8945 §5.3.1).
const (
	maxUnsigned = 99
	maxPending  = 16 << 20
)

// Verifier checks the messages that answer one signed request, in their order.
// It is not safe for concurrent use.
type Verifier struct {
	key     *tsigkey.Key
	prior   []byte
	later   bool
	pending []byte
	count   int
}

// Request signs a packed request without TSIG, which may be written to, and
// gives what verifies its answer.
func Request(key *tsigkey.Key, msg []byte, now time.Time) ([]byte, *Verifier, error) {
	if len(msg) < header {
		return nil, nil, errors.New("a DNS message has 12 octets or more")
	}
	r := newRecord(key.Name, key.Algorithm)
	r.Time, r.Fudge, r.ID = uint64(now.Unix()), fudge, binary.BigEndian.Uint16(msg)
	m, err := mac(key, r.Digest(nil, nil, msg, false))
	if err != nil {
		return nil, nil, fmt.Errorf("signing with %s: %w", key, err)
	}
	r.MAC = m
	return r.AppendTo(msg), &Verifier{key: key, prior: m}, nil
}

// Verify checks one message of the answer (RFC 8945 §5.4). Messages after the
// first may be unsigned, at most 99 in a row; whoever reads a stream must ask
// [Verifier.Pending] after its last message. [ErrRefused] says that the server
// did not accept the request's signature: unsigned, and so not to be believed
// beyond that, unless the error is [ErrBadTime] too.
func (v *Verifier) Verify(msg []byte, now time.Time) error {
	r, err := find(msg)
	switch {
	case err != nil:
		return err
	case r == nil:
		return v.skip(msg)
	case r.key != v.key.Name || r.alg != v.key.Algorithm:
		return ErrBadKey
	case len(r.MAC) == 0 && r.Code != 0:
		return fmt.Errorf("%w: %s", ErrRefused, CodeName(r.Code))
	}
	want, err := mac(v.key, r.Digest(v.prior, v.pending, r.bare(msg), v.later))
	switch {
	case err != nil:
		return fmt.Errorf("verifying with %s: %w", v.key, err)
	case !hmac.Equal(want, r.MAC):
		return ErrBadSig
	}
	v.prior, v.later, v.pending, v.count = want, true, nil, 0
	switch {
	case r.Code == dns.RcodeBadTime:
		return fmt.Errorf("%w: %w", ErrRefused, ErrBadTime)
	case !r.inTime(now.Unix()):
		return ErrBadTime
	case r.Code != 0:
		return fmt.Errorf("%w: %s", ErrRefused, CodeName(r.Code))
	}
	return nil
}

// Pending reports that the last message was not signed: a stream must not end so.
func (v *Verifier) Pending() bool { return v.count > 0 || !v.later }

func (v *Verifier) skip(msg []byte) error {
	if v.count++; !v.later || v.count > maxUnsigned || len(v.pending)+len(msg) > maxPending {
		return ErrUnsigned
	}
	v.pending = append(v.pending, msg...)
	return nil
}
