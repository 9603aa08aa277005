// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
	rfc8945 "github.com/meridian-gslb/meridian/internal/tsig"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// tsig is a TSIG record (RFC 8945 §4.2).
type tsig struct {
	rfc8945.Record
	off int // of the record in its message
}

func parseTSIG(msg []byte, r *record) (*tsig, error) {
	t := &tsig{off: r.off}
	if r.class != dns.ClassANY || r.ttl != 0 {
		return nil, errBrokenTSIG
	}
	end := r.dataOff + len(r.data)
	alg, off, err := parseName(msg, r.dataOff)
	if err != nil || off > end {
		return nil, errBrokenTSIG
	}
	t.Key, t.Alg = string(r.owner), string(alg)
	if !t.ReadData(msg[off:end]) {
		return nil, errBrokenTSIG
	}
	return t, nil
}

// stated is a TSIG that says a time, and an error if code is one.
func stated(seconds uint64, code uint16, other []byte) tsig {
	return tsig{Record: rfc8945.Record{Time: seconds, Fudge: fudge, Code: code, Other: other}}
}

// Key is a TSIG key of the exchange. Peer binds it to one cluster: it signs for
// that cluster only, and what it signs is that cluster's; "" means every peer.
type Key struct {
	Peer gslb.GeoTag
	Key  *tsigkey.Key
}

// signer is a Key made ready.
type signer struct {
	peer gslb.GeoTag
	name name
	alg  name
	ring *tsigkey.Keyring // of this key alone
	text string           // for logs
	rr   dns.TSIG         // names the key to the ring
}

func newSigner(k Key) (*signer, error) {
	if k.Key == nil {
		return nil, errors.New("a peer key is missing")
	}
	s := &signer{peer: k.Peer, ring: tsigkey.NewKeyring(k.Key), text: k.Key.String()}
	s.rr = dns.TSIG{Hdr: dns.RR_Header{Name: k.Key.Name}, Algorithm: k.Key.Algorithm}
	for _, n := range []struct {
		text string
		to   *name
	}{{k.Key.Name, &s.name}, {k.Key.Algorithm, &s.alg}} {
		buf := make([]byte, 255)
		end, err := dns.PackDomainName(n.text, buf, 0, nil, false)
		if err != nil {
			return nil, fmt.Errorf("peer key %q: %w", n.text, err)
		}
		if *n.to, _, err = parseName(buf[:end], 0); err != nil {
			return nil, fmt.Errorf("peer key %q: %w", n.text, err)
		}
	}
	return s, nil
}

// chain signs or verifies the messages of one exchange in order.
type chain struct {
	key     *signer
	prior   []byte // MAC of the message before; nil for a request
	later   bool   // not the first answer: timers only
	pending []byte // unsigned messages since then
	count   int    // how many
}

// sign finishes a message: stamps it and appends the TSIG record.
func (c *chain) sign(msg []byte, t tsig) ([]byte, error) {
	t.Key, t.Alg = string(c.key.name), string(c.key.alg)
	t.ID = binary.BigEndian.Uint16(msg)
	mac, err := c.key.ring.Generate(t.Digest(c.prior, nil, msg, c.later), &c.key.rr)
	if err != nil {
		return nil, fmt.Errorf("signing with %s: %w", c.key.text, err)
	}
	t.MAC = mac
	c.prior, c.later = mac, true
	return t.AppendTo(msg), nil
}

// stamp is what a TSIG of this moment says.
func stamp(now time.Time) tsig { return stated(uint64(now.Unix()), dns.RcodeSuccess, nil) }

// Why a signature does not count.
var (
	errBadKey  = errors.New("signed by a key that is not known here")
	errBadSig  = errors.New("signature does not fit")
	errBadTime = errors.New("signed at a time too far from ours")
	errNoTSIG  = errors.New("not signed")
)

// verify checks the MAC first and the time after it (RFC 8945 §5.2,
// CVE-2017-3143). On [errBadTime] the MAC was good and the chain moved on.
func (c *chain) verify(m *message, now time.Time) error {
	t := m.tsig
	if t == nil {
		return errNoTSIG
	}
	if t.Key != string(c.key.name) || t.Alg != string(c.key.alg) {
		return errBadKey
	}
	bare := append([]byte(nil), m.raw[:t.off]...)
	binary.BigEndian.PutUint16(bare, t.ID)
	binary.BigEndian.PutUint16(bare[10:], binary.BigEndian.Uint16(bare[10:])-1)
	rr := c.key.rr
	rr.MAC = hex.EncodeToString(t.MAC)
	if err := c.key.ring.Verify(t.Digest(c.prior, c.pending, bare, c.later), &rr); err != nil {
		return errBadSig
	}
	c.prior, c.later = append([]byte(nil), t.MAC...), true
	c.pending, c.count = nil, 0
	if skew := skewOf(t, now); skew.Abs() > time.Duration(min(t.Fudge, fudge))*time.Second {
		return errBadTime
	}
	return nil
}

// skip takes an unsigned message between signed ones (RFC 8945 §5.3.1).
func (c *chain) skip(m *message) error {
	if !c.later {
		return errNoTSIG
	}
	if c.count++; c.count > maxUnsigned || len(c.pending)+len(m.raw) > maxPending {
		return fmt.Errorf("%d messages in a row: %w", c.count, errNoTSIG)
	}
	c.pending = append(c.pending, m.raw...)
	return nil
}

// skewOf says how far the signer's clock is ahead of ours.
func skewOf(t *tsig, now time.Time) time.Duration {
	// Both fit in 48 bits, but the product with a second does not: clamp.
	d := int64(t.Time) - now.Unix()
	const most = int64(100 * 365 * 24 * time.Hour / time.Second)
	return time.Duration(max(-most, min(most, d))) * time.Second
}

// candidates gives the keys that may sign to a peer: its own first.
func candidates(keys []*signer, peer gslb.GeoTag) []*signer {
	var own, any []*signer
	for _, k := range keys {
		switch k.peer {
		case peer:
			own = append(own, k)
		case "":
			any = append(any, k)
		}
	}
	return append(own, any...)
}

// identify verifies a request with whichever key made it. The error is errBadKey,
// errBadSig or errBadTime; with the last the chain is good for an answer.
func identify(keys []*signer, m *message, now time.Time) (*chain, error) {
	err := errBadKey
	for _, k := range keys {
		c := &chain{key: k}
		switch got := c.verify(m, now); {
		case got == nil, errors.Is(got, errBadTime):
			c.later = false // its next message is the first answer
			return c, got
		case errors.Is(got, errBadSig):
			err = errBadSig
		}
	}
	return nil, err
}
