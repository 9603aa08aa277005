// SPDX-License-Identifier: Apache-2.0

// Package tsigkey reads TSIG keys (RFC 8945) from files and signs and checks
// messages with them.
//
// A key is written NAME:ALGORITHM:FILE, the file holding the base64 secret; it
// is read again when it changes, so that a mounted Secret can be rotated
// without a restart. The secret itself never appears in an error or a log.
// It is used by the exchange between clusters, by updates of the edge zone and
// by the small edge server; it knows nothing of what is signed.
package tsigkey

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// algorithms that may be used, weakest first. HMAC-MD5 and HMAC-SHA1 are left
// out on purpose.
var algorithms = []string{dns.HmacSHA256, dns.HmacSHA384, dns.HmacSHA512}

// maxSecretFile bounds what is read of a key file.
const maxSecretFile = 4096

// Key is one named secret. It is safe for concurrent use.
type Key struct {
	Name      string // canonical: lower-case, with the trailing dot
	Algorithm string // as miekg/dns writes it: "hmac-sha256."

	file string

	mu      sync.Mutex
	stamp   stamp
	secret  []byte
	trouble error // why the secret in use is not the file's; nil: it is
}

// stamp tells whether a file changed since it was read.
type stamp struct {
	mod  time.Time
	size int64
}

// Parse reads NAME:ALGORITHM:FILE and the file. The error says which part is
// wrong and what would be right.
func Parse(spec string) (*Key, error) {
	parts := strings.SplitN(spec, ":", 3)
	if len(parts) != 3 || parts[0] == "" || parts[2] == "" {
		return nil, fmt.Errorf("TSIG key %q: write NAME:ALGORITHM:FILE, like meridian:hmac-sha256:/etc/meridian/tsig.key", spec)
	}
	// A backslash at the end escapes nothing: the library takes it, and the dot that it adds
	// is escaped then.
	name := dns.CanonicalName(parts[0])
	if _, ok := dns.IsDomainName(parts[0]); !ok || !dns.IsFqdn(name) {
		return nil, fmt.Errorf("TSIG key %q: %q is not a key name; it has the form of a domain name", spec, parts[0])
	}
	alg := dns.CanonicalName(parts[1])
	if !slices.Contains(algorithms, alg) {
		return nil, fmt.Errorf("TSIG key %q: algorithm %q is not accepted; use hmac-sha256, hmac-sha384 or hmac-sha512", spec, parts[1])
	}
	k := &Key{Name: name, Algorithm: alg, file: parts[2]}
	if _, err := k.Secret(); err != nil {
		return nil, err
	}
	return k, nil
}

// FromSecret makes a key that lives in memory only. The algorithm may be
// written with or without the trailing dot.
func FromSecret(name, algorithm string, secret []byte) *Key {
	return &Key{Name: dns.CanonicalName(name), Algorithm: dns.CanonicalName(algorithm), secret: bytes.Clone(secret)}
}

// String gives name and algorithm, never the secret.
func (k *Key) String() string { return k.Name + ":" + k.Algorithm }

// Secret gives the secret, read again if the file changed. While the file
// cannot be read or holds no base64, the last good secret stays in use; the
// error is returned only when there is none.
func (k *Key) Secret() ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file == "" {
		return k.secret, nil
	}
	fi, err := os.Stat(k.file)
	if err == nil {
		now := stamp{fi.ModTime(), fi.Size()}
		if now == k.stamp && k.secret != nil {
			k.trouble = nil
			return k.secret, nil
		}
		var secret []byte
		if secret, err = readSecret(k.file, fi.Size()); err == nil {
			k.stamp, k.secret = now, secret
		}
	}
	k.trouble = err
	if k.secret != nil {
		return k.secret, nil
	}
	return nil, fmt.Errorf("TSIG key %s: %w", k.Name, err)
}

// Trouble says why the file does not give the secret that is in use; nil: it does. The
// last good one signs and verifies meanwhile.
func (k *Key) Trouble() error {
	if _, err := k.Secret(); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.trouble
}

// File is where the secret is read; "" for a key that lives in memory.
func (k *Key) File() string { return k.file }

func readSecret(file string, size int64) ([]byte, error) {
	if size > maxSecretFile {
		return nil, fmt.Errorf("%s has %d bytes; a base64 secret has far fewer", file, size)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	secret, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(raw)))
	if err != nil {
		return nil, fmt.Errorf("%s does not hold base64: make a secret with: head -c 32 /dev/urandom | base64", file)
	}
	if len(secret) < 16 {
		return nil, fmt.Errorf("%s holds a secret of %d octets; use 16 or more (32 for hmac-sha256)", file, len(secret))
	}
	return secret, nil
}

// Keyring is a set of keys. It signs and verifies for miekg/dns
// ([dns.TsigProvider]) and is safe for concurrent use. Several keys of one name
// are all accepted when verifying; the first signs.
type Keyring struct{ keys []*Key }

var _ dns.TsigProvider = (*Keyring)(nil)

// NewKeyring makes a set of keys; without keys everything is unknown to it.
func NewKeyring(keys ...*Key) *Keyring { return &Keyring{slices.Clone(keys)} }

// Keys gives the keys in order.
func (r *Keyring) Keys() []*Key { return slices.Clone(r.keys) }

// Find gives the first key of a name; nil if there is none.
func (r *Keyring) Find(name string) *Key {
	name = dns.CanonicalName(name)
	for _, k := range r.keys {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// Generate computes the MAC of a message (RFC 8945 §4.3). It returns
// [dns.ErrSecret] for an unknown key and [dns.ErrKeyAlg] for a known one with
// another algorithm.
func (r *Keyring) Generate(msg []byte, t *dns.TSIG) ([]byte, error) {
	p, err := r.providers(t)
	if err != nil {
		return nil, err
	}
	return p[0].Generate(msg, t)
}

// Verify checks the MAC of a message; [dns.ErrSig] if no key of that name made
// it, else errors as Generate.
func (r *Keyring) Verify(msg []byte, t *dns.TSIG) error {
	ps, err := r.providers(t)
	if err != nil {
		return err
	}
	for _, p := range ps {
		if err = p.Verify(msg, t); err == nil {
			return nil
		}
	}
	if errors.Is(err, dns.ErrSig) {
		return err
	}
	return dns.ErrSig
}

// providers gives one signer for each key of the name and algorithm.
func (r *Keyring) providers(t *dns.TSIG) ([]hmacProvider, error) {
	name, alg := dns.CanonicalName(t.Hdr.Name), dns.CanonicalName(t.Algorithm)
	var out []hmacProvider
	err := dns.ErrSecret
	for _, k := range r.keys {
		if k.Name != name {
			continue
		}
		if k.Algorithm != alg {
			err = dns.ErrKeyAlg
			continue
		}
		secret, e := k.Secret()
		if e != nil {
			return nil, e
		}
		out = append(out, hmacProvider(secret))
	}
	if len(out) == 0 {
		return nil, err
	}
	return out, nil
}
