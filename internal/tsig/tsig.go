// SPDX-License-Identifier: Apache-2.0

// Package tsig signs and verifies whole DNS messages after RFC 8945, with the
// keys of internal/tsigkey: the requests that a server gets and the answers it
// gives, one message or a stream of them, and both from the side of a client.
//
// It works on packed messages, knows nothing of what is in them, and never
// decides what a key may do. It is used by zone transfers and updates of our
// zones and by the small edge server; the exchange between clusters, which has its own parser,
// shares the record.
package tsig

import (
	"crypto/hmac"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// Why a signature does not count. All but ErrForm are answered with NOTAUTH and
// a TSIG record that names the error.
var (
	ErrForm     = errors.New("malformed message, or a TSIG record where none may be") // FORMERR, nothing else
	ErrBadKey   = errors.New("signed by a key that is not known here")                // 17, not signed
	ErrBadSig   = errors.New("signature does not fit")                                // 16, not signed
	ErrBadTime  = errors.New("signed at a time too far from ours")                    // 18, signed
	ErrBadTrunc = errors.New("signature is shortened more than is accepted")          // 22, signed
	ErrUnsigned = errors.New("not signed")                                            // a client's: an answer lacks a signature
	ErrRefused  = errors.New("server did not accept our signature")                   // a client's: the answer says why
)

// Verify checks the signature of a request (RFC 8945 §5.2) in the order of the
// RFC, which keeps the answer from telling more than the asker may know
// (CVE-2017-3143):
//
//	message, or place of the TSIG     | nil, ErrForm          | FORMERR without TSIG
//	no TSIG                           | nil, nil              |
//	key unknown, or other algorithm   | signer, ErrBadKey     | NOTAUTH, BADKEY, MAC empty
//	MAC longer than the algorithm's, or shorter than 10 octets or half | nil, ErrForm | FORMERR
//	MAC wrong, shortened or not       | signer, ErrBadSig     | NOTAUTH, BADSIG, MAC empty
//	time outside the fudge            | signer, ErrBadTime    | NOTAUTH, BADTIME, signed, with our time
//	MAC right but shortened           | signer, ErrBadTrunc   | NOTAUTH, BADTRUNC, signed
//	all good                          | signer, nil           |
//
// The signer finishes the answer, whatever it is. msg is only read.
func Verify(keys *tsigkey.Keyring, msg []byte, now time.Time) (*Signer, error) {
	r, err := find(msg)
	if r == nil || err != nil {
		return nil, err
	}
	s := &Signer{asked: *r, code: dns.RcodeBadKey}
	s.asked.MAC, s.asked.Other = slices.Clone(r.MAC), nil
	err = ErrBadKey
	for _, key := range keys.Keys() {
		if key.Name != r.key || key.Algorithm != r.alg {
			continue
		}
		switch want, e := mac(key, r.Digest(nil, nil, r.bare(msg), false)); {
		case e != nil: // no secret: as if there were no key
			continue
		case len(r.MAC) > len(want) || len(r.MAC) < max(10, len(want)/2):
			return nil, ErrForm // RFC 8945 §5.2.2.1
		case !hmac.Equal(want[:len(r.MAC)], r.MAC):
			s.code, err = dns.RcodeBadSig, ErrBadSig
			continue
		case !r.inTime(now.Unix()):
			s.code, err = dns.RcodeBadTime, ErrBadTime
		case len(r.MAC) < len(want):
			s.code, err = dns.RcodeBadTrunc, ErrBadTrunc
		default:
			s.code, err = dns.RcodeSuccess, nil
		}
		s.key, s.prior = key, s.asked.MAC
		return s, err
	}
	return s, err
}

// mac computes the MAC of one key.
func mac(key *tsigkey.Key, digest []byte) ([]byte, error) {
	t := &dns.TSIG{Hdr: dns.RR_Header{Name: key.Name}, Algorithm: key.Algorithm}
	return tsigkey.NewKeyring(key).Generate(digest, t)
}

// CodeName gives the mnemonic of a TSIG error: NOERROR, BADSIG, BADKEY, BADTIME,
// BADTRUNC, or a number.
func CodeName(code uint16) string {
	if code == dns.RcodeBadSig { // the library's table has BADVERS for 16
		return "BADSIG"
	}
	if s := dns.RcodeToString[int(code)]; s != "" {
		return s
	}
	return strconv.Itoa(int(code))
}
