// SPDX-License-Identifier: Apache-2.0

package peerstest

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// holdOption is the EDNS option of the exchange, by its number: the fake is a
// second reading of the format and shares no code with package peers.
const holdOption = 65301

// Manners is how a fake peer behaves. The zero value is a good peer.
type Manners struct {
	Delay     time.Duration                          // before every answer
	Impatient bool                                   // does not hold
	Rcode     int                                    // signed, instead of an answer
	Unsigned  bool                                   // answers without TSIG
	SignWith  *tsigkey.Key                           // another key than the one of the request
	Clock     func() time.Time                       // for the signatures; nil: the real one
	Split     int                                    // records in one message; 0: all in one
	SignEvery int                                    // signs each such message, and the last; 0: all
	CutAfter  int                                    // closes the connection after so many messages; 0: never
	Silent    bool                                   // takes questions and never answers
	Edit      func(*dns.Msg)                         // changes a message before it is signed
	Wire      func(msg []byte) []byte                // changes it afterwards
	Hello     func(gslb.GeoTag, string) (tag string) // who it says it is; nil: itself
}

// FakePeer is a cluster that answers questions for its report, written with
// another DNS library than package peers. It implements [Handler].
type FakePeer struct {
	tag      gslb.GeoTag
	instance string
	ring     *tsigkey.Keyring

	mu      sync.Mutex
	manners Manners
	zone    []dns.RR // SOA, NS, TXT…; nil: SERVFAIL
	moved   chan struct{}
	number  uint64
	asked   []string // options of the requests, in order
}

// NewFakePeer makes a peer that has nothing to say yet.
func NewFakePeer(tag gslb.GeoTag, instance string, keys ...*tsigkey.Key) *FakePeer {
	return &FakePeer{tag: tag, instance: instance, ring: tsigkey.NewKeyring(keys...), moved: make(chan struct{})}
}

// Behave changes how the peer behaves from the next answer on.
func (f *FakePeer) Behave(m Manners) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.manners = m
}

// Say gives the peer a zone in presentation format, SOA first, and lets held
// questions go.
func (f *FakePeer) Say(zone string) error {
	var rrs []dns.RR
	zp := dns.NewZoneParser(strings.NewReader(zone), "", "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		rrs = append(rrs, rr)
	}
	if err := zp.Err(); err != nil {
		return err
	}
	if len(rrs) == 0 || rrs[0].Header().Rrtype != dns.TypeSOA {
		return fmt.Errorf("a zone of %d records begins with its SOA", len(rrs))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.zone = rrs
	close(f.moved)
	f.moved = make(chan struct{})
	return nil
}

// Asked gives the hold options of the requests so far.
func (f *FakePeer) Asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.asked...)
}

// ServeSlow answers like an author, as far as its manners let it.
func (f *FakePeer) ServeSlow(ctx context.Context, msg []byte, _ netip.AddrPort, _ bool, reply func([]byte) error) bool {
	q := new(dns.Msg)
	if q.Unpack(msg) != nil || q.IsTsig() == nil || len(q.Question) != 1 {
		return false
	}
	if dns.TsigVerifyWithProvider(msg, f.ring, "", false) != nil {
		return false
	}
	option := optionOf(q)
	f.mu.Lock()
	f.asked = append(f.asked, option)
	f.mu.Unlock()
	rrs, m := f.answer(ctx, q, option)
	if m.Silent {
		<-ctx.Done()
		return true
	}
	if m.Delay > 0 {
		select {
		case <-ctx.Done():
			return true
		case <-time.After(m.Delay):
		}
	}
	f.send(q, rrs, m, reply)
	return true
}

// answer holds the question and gives the records of the answer, and the manners
// of the moment when it was let go.
func (f *FakePeer) answer(ctx context.Context, q *dns.Msg, option string) ([]dns.RR, Manners) {
	have := ""
	for _, rr := range q.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			have = soa.Ns + " " + strconv.Itoa(int(soa.Serial))
		}
	}
	hold := holdOf(option)
	end := time.NewTimer(hold)
	defer end.Stop()
	for {
		f.mu.Lock()
		zone, moved, m := f.zone, f.moved, f.manners
		f.mu.Unlock()
		if zone == nil {
			return nil, m
		}
		soa := zone[0].(*dns.SOA)
		if same := have == soa.Ns+" "+strconv.Itoa(int(soa.Serial)); !same {
			return append(append([]dns.RR(nil), zone...), soa), m
		} else if m.Impatient || hold == 0 {
			return []dns.RR{soa}, m
		}
		select {
		case <-ctx.Done():
			return nil, m
		case <-end.C:
			hold = 0 // with the manners of now
		case <-moved:
		}
	}
}

// send writes the records as messages, signed as the manners say.
func (f *FakePeer) send(q *dns.Msg, rrs []dns.RR, m Manners, reply func([]byte) error) {
	split := m.Split
	if split == 0 {
		split = max(1, len(rrs))
	}
	mac, pending := q.IsTsig().MAC, []byte(nil)
	for i := 0; i == 0 || i*split < len(rrs); i++ {
		if m.CutAfter > 0 && i == m.CutAfter {
			_ = reply(nil) // closes the connection
			return
		}
		r := f.message(q, rrs[min(i*split, len(rrs)):min((i+1)*split, len(rrs))], i == 0, m)
		last := (i+1)*split >= len(rrs)
		var out []byte
		var err error
		if m.Unsigned || m.SignEvery > 1 && i%m.SignEvery != 0 && !last {
			if out, err = r.Pack(); err == nil {
				pending = append(pending, out...)
			}
		} else {
			out, mac, err = f.sign(r, q, mac, pending, i > 0, m)
			pending = nil
		}
		if err != nil {
			return
		}
		if m.Wire != nil {
			out = m.Wire(out)
		}
		if reply(out) != nil {
			return
		}
	}
}

func (f *FakePeer) message(q *dns.Msg, rrs []dns.RR, first bool, m Manners) *dns.Msg {
	r := new(dns.Msg)
	r.SetReply(q)
	r.Authoritative, r.Compress = true, true
	r.Answer = rrs
	if r.Rcode = m.Rcode; len(rrs) == 0 && r.Rcode == dns.RcodeSuccess {
		r.Rcode = dns.RcodeServerFailure
	}
	if r.Rcode != dns.RcodeSuccess {
		r.Answer = nil
	}
	if first {
		tag := string(f.tag)
		if m.Hello != nil {
			tag = m.Hello(f.tag, f.instance)
		}
		f.mu.Lock()
		f.number = max(f.number+1, uint64(time.Now().UnixMilli()))
		text := fmt.Sprintf("v=1 tag=%s id=id-%s instance=%s n=%d", tag, tag, f.instance, f.number)
		f.mu.Unlock()
		r.SetEdns0(1232, false)
		r.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: holdOption, Data: []byte(text)}}
	}
	if m.Edit != nil {
		m.Edit(r)
	}
	return r
}

// sign signs a message. The library cannot sign over unsigned messages before
// it, so a provider puts them in front of what is to be signed.
func (f *FakePeer) sign(r, q *dns.Msg, mac string, pending []byte, later bool, m Manners) ([]byte, string, error) {
	clock, ring := time.Now, f.ring
	if m.Clock != nil {
		clock = m.Clock
	}
	ts := q.IsTsig()
	name, alg := ts.Hdr.Name, ts.Algorithm
	if m.SignWith != nil {
		ring, name, alg = tsigkey.NewKeyring(m.SignWith), m.SignWith.Name, m.SignWith.Algorithm
	}
	r.SetTsig(name, alg, 300, clock().Unix())
	return dns.TsigGenerateWithProvider(r, between{ring, len(mac)/2 + 2, pending}, mac, later)
}

// between inserts unsigned messages behind the MAC that a digest begins with
// (RFC 8945 §5.3.1).
type between struct {
	*tsigkey.Keyring
	at      int
	pending []byte
}

// Generate implements dns.TsigProvider.
func (b between) Generate(msg []byte, t *dns.TSIG) ([]byte, error) {
	all := append(append(append([]byte(nil), msg[:b.at]...), b.pending...), msg[b.at:]...)
	return b.Keyring.Generate(all, t)
}

func optionOf(m *dns.Msg) string {
	if o := m.IsEdns0(); o != nil {
		for _, opt := range o.Option {
			if l, ok := opt.(*dns.EDNS0_LOCAL); ok && l.Code == holdOption {
				return string(l.Data)
			}
		}
	}
	return ""
}

func holdOf(option string) time.Duration {
	for field := range strings.FieldsSeq(option) {
		if v, ok := strings.CutPrefix(field, "hold="); ok {
			ms, _ := strconv.Atoi(v)
			return time.Duration(ms) * time.Millisecond
		}
	}
	return 0
}
