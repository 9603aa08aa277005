// SPDX-License-Identifier: Apache-2.0

package tsigkey

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"

	"github.com/miekg/dns"
)

// hmacProvider is one secret.
type hmacProvider []byte

// Generate computes the HMAC that the TSIG record names.
func (p hmacProvider) Generate(msg []byte, t *dns.TSIG) ([]byte, error) {
	var h func() hash.Hash
	switch dns.CanonicalName(t.Algorithm) {
	case dns.HmacSHA256:
		h = sha256.New
	case dns.HmacSHA384:
		h = sha512.New384
	case dns.HmacSHA512:
		h = sha512.New
	default:
		return nil, dns.ErrKeyAlg
	}
	mac := hmac.New(h, p)
	mac.Write(msg)
	return mac.Sum(nil), nil
}

// Verify compares in constant time. Truncated MACs are refused (RFC 8945
// §5.2.2.1 lets a site require the full length).
func (p hmacProvider) Verify(msg []byte, t *dns.TSIG) error {
	want, err := p.Generate(msg, t)
	if err != nil {
		return err
	}
	got, err := hex.DecodeString(t.MAC)
	if err != nil {
		return err
	}
	if !hmac.Equal(want, got) {
		return dns.ErrSig
	}
	return nil
}
