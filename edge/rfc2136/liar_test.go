// SPDX-License-Identifier: Apache-2.0

package rfc2136_test

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

func addrs(list ...string) []netip.Addr {
	out := make([]netip.Addr, len(list))
	for i, s := range list {
		out[i] = netip.MustParseAddr(s)
	}
	return out
}

// nobody is a Store that does not care.
type nobody struct{}

// Sight implements edge.Store.
func (nobody) Sight(gslb.Sighting) {}

// liar answers every message as the test says, signed by the right key unless
// told otherwise.
type liar struct {
	lie  func(q, a *dns.Msg)                  // changes the answer before it is signed
	sign func(a *dns.Msg, t *dns.TSIG)        // changes the signature record; nil TSIG fields are filled
	key  *tsigkey.Key                         // that signs; nil: nobody
	raw  func(wire []byte, q *dns.Msg) []byte // changes the bytes

	mu   sync.Mutex
	seen []*dns.Msg
}

// ServeSlow implements dnsserver.SlowPath.
func (l *liar) ServeSlow(_ context.Context, msg []byte, _ netip.AddrPort, _ bool, reply func([]byte) error) bool {
	q := new(dns.Msg)
	if q.Unpack(msg) != nil {
		return true
	}
	l.mu.Lock()
	l.seen = append(l.seen, q)
	l.mu.Unlock()
	a := new(dns.Msg)
	a.Id, a.Response, a.Opcode, a.Question, a.Authoritative = q.Id, true, q.Opcode, q.Question, true
	if l.lie != nil {
		l.lie(q, a)
	}
	var wire []byte
	var err error
	if t := q.IsTsig(); l.key != nil && t != nil {
		a.SetTsig(l.key.Name, l.key.Algorithm, 300, time.Now().Unix())
		sig := a.IsTsig()
		if l.sign != nil {
			l.sign(a, sig)
		}
		wire, _, err = dns.TsigGenerateWithProvider(a, tsigkey.NewKeyring(l.key), t.MAC, false)
	} else {
		wire, err = a.Pack()
	}
	if err != nil {
		return true
	}
	if l.raw != nil {
		wire = l.raw(wire, q)
	}
	_ = reply(wire)
	return true
}

func rcode(n int) func(q, a *dns.Msg) { return func(_, a *dns.Msg) { a.Rcode = n } }
