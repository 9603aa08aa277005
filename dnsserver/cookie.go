// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dchest/siphash"
)

// Lengths and ages of DNS cookies (RFC 7873 §4, RFC 9018 §4).
const (
	clientCookie    = 8
	serverCookie    = 16 // as we make them; others may have 8 to 32
	minServerCookie = 8
	maxServerCookie = 32
	cookieVersion   = 1
	cookieAge       = 3600 // seconds that a cookie of ours is good for
	cookieRenew     = 1800 // an older one is answered with a new one
	cookieAhead     = 300  // seconds that another replica's clock may be before ours
)

// maxSecretFile bounds what is read of a file of secrets.
const maxSecretFile = 4096

// secret is a key of SipHash-2-4.
type secret struct{ k0, k1 uint64 }

// cookies makes and checks server cookies. Safe for concurrent use.
type cookies struct {
	secrets atomic.Pointer[[]secret] // the first makes, all are accepted
	now     func() time.Time
}

// newCookies reads the secrets from a file; without one it makes one of the seed, or
// at random.
func newCookies(file string, seed []byte) (*cookies, error) {
	c := &cookies{now: time.Now}
	if file != "" {
		return c, c.load(file)
	}
	if len(seed) == 0 {
		seed = make([]byte, 32)
		_, _ = rand.Read(seed) // it never fails
	}
	b, err := hkdf.Key(sha256.New, seed, nil, "meridian dns cookies", 16)
	if err != nil {
		return nil, fmt.Errorf("secret of DNS cookies: %w", err)
	}
	c.secrets.Store(&[]secret{secretOf(b)})
	return c, nil
}

// load reads the secrets from a file; those before stay on an error.
func (c *cookies) load(file string) error {
	fi, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("secret of DNS cookies: %w", err)
	}
	if fi.Size() > maxSecretFile {
		return fmt.Errorf("secret of DNS cookies: %s has %d octets; it holds one or two lines of 32 hexadecimal digits", file, fi.Size())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("secret of DNS cookies: %w", err)
	}
	secrets, err := parseSecrets(string(text))
	if err != nil {
		return fmt.Errorf("secret of DNS cookies: %s: %w", file, err)
	}
	c.secrets.Store(&secrets)
	return nil
}

// parseSecrets reads one or two secrets, one a line. Errors do not repeat them.
func parseSecrets(text string) ([]secret, error) {
	var out []secret
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		b, err := hex.DecodeString(line)
		if err != nil || len(b) != 16 {
			return nil, fmt.Errorf("line %d is not a secret of 32 hexadecimal digits", i+1)
		}
		out = append(out, secretOf(b))
	}
	switch {
	case len(out) == 0:
		return nil, errors.New("holds no secret; write 32 hexadecimal digits")
	case len(out) > 2:
		return nil, fmt.Errorf("holds %d secrets; write the one in use, and below it the one before or after it", len(out))
	}
	return out, nil
}

func secretOf(b []byte) secret {
	return secret{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

// cookieState says what a cookie in a query is worth.
type cookieState uint8

const (
	cookieNone    cookieState = iota
	cookieClient              // the client's part alone
	cookieInvalid             // a server's part that is not ours, or too old
	cookieValid
	cookieStates
)

var cookieNames = [cookieStates]string{"none", "client_only", "invalid", "valid"}

// check judges the content of a COOKIE option, 8 or 16 to 40 octets long, of a
// query from an address, and gives the server's part of the cookie to send back
// (RFC 9018 §4.3). It does not allocate.
func (c *cookies) check(cookie []byte, from netip.Addr) (state cookieState, reply [serverCookie]byte) {
	secrets := *c.secrets.Load()
	now := uint32(c.now().Unix())
	state = cookieClient
	if len(cookie) > clientCookie {
		state = cookieInvalid
	}
	if len(cookie) == clientCookie+serverCookie && cookie[clientCookie] == cookieVersion {
		made := binary.BigEndian.Uint32(cookie[clientCookie+4:])
		age := int32(now - made) // RFC 1982
		hash := binary.LittleEndian.Uint64(cookie[clientCookie+8:])
		for i, s := range secrets {
			if age > cookieAge || age < -cookieAhead || s.hash(cookie[:clientCookie+8], from) != hash {
				continue
			}
			state = cookieValid
			if i == 0 && age <= cookieRenew {
				copy(reply[:], cookie[clientCookie:])
				return state, reply
			}
		}
	}
	var in [clientCookie + 8]byte
	copy(in[:], cookie[:clientCookie])
	in[clientCookie] = cookieVersion
	binary.BigEndian.PutUint32(in[clientCookie+4:], now)
	copy(reply[:], in[clientCookie:])
	binary.LittleEndian.PutUint64(reply[8:], secrets[0].hash(in[:], from))
	return state, reply
}

// hash is that of RFC 9018 §4.4: over the client's cookie, version, reserved
// octets, time, and the client's address.
func (s secret) hash(head []byte, from netip.Addr) uint64 {
	var in [clientCookie + 8 + 16]byte
	n := copy(in[:], head)
	if from = from.Unmap(); from.Is4() {
		ip := from.As4()
		n += copy(in[n:], ip[:])
	} else {
		ip := from.As16()
		n += copy(in[n:], ip[:])
	}
	return siphash.Hash(s.k0, s.k1, in[:n])
}
