// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package secondaries_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// judgeQuery is a question, and how it is asked.
type judgeQuery struct {
	name string
	typ  uint16
	tcp  bool
	edns uint16 // size; 0: no OPT record
	do   bool
}

func (q judgeQuery) String() string {
	how := "udp"
	if q.tcp {
		how = "tcp"
	}
	return fmt.Sprintf("%s %s (%s, edns %d, do %t)", q.name, dns.Type(q.typ), how, q.edns, q.do)
}

func (q judgeQuery) message(id uint16) []byte {
	m := new(dns.Msg).SetQuestion(q.name, q.typ)
	m.Id, m.RecursionDesired = id, false
	if q.edns > 0 {
		m.SetEdns0(q.edns, q.do)
	}
	out, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return out
}

// asker asks one server, one question after the other.
type asker struct {
	addr     netip.AddrPort
	udp, tcp *dns.Conn
	id       uint16
	size     int // of the last answer
}

func (a *asker) conn(tcp bool) (*dns.Conn, error) {
	network, at := "udp", &a.udp
	if tcp {
		network, at = "tcp", &a.tcp
	}
	if *at == nil {
		c, err := net.DialTimeout(network, a.addr.String(), 5*time.Second)
		if err != nil {
			return nil, err
		}
		*at = &dns.Conn{Conn: c, UDPSize: dns.MaxMsgSize}
	}
	return *at, (*at).SetDeadline(time.Now().Add(5 * time.Second))
}

// send and receive are apart, so that several servers work at once.
func (a *asker) send(q judgeQuery) error {
	c, err := a.conn(q.tcp)
	if err != nil {
		return err
	}
	a.id++
	_, err = c.Write(q.message(a.id))
	return err
}

func (a *asker) receive(q judgeQuery) (*dns.Msg, error) {
	c, err := a.conn(q.tcp)
	if err != nil {
		return nil, err
	}
	for {
		b, err := c.ReadMsgHeader(nil)
		if err != nil {
			return nil, err
		}
		in := new(dns.Msg)
		if err := in.Unpack(b); err != nil || in.Id == a.id {
			a.size = len(b)
			return in, err
		}
	}
}

func (a *asker) drop(tcp bool) {
	at := &a.udp
	if tcp {
		at = &a.tcp
	}
	if *at != nil {
		_ = (*at).Close()
		*at = nil
	}
}

func (a *asker) close() { a.drop(true); a.drop(false) }

// ask tries three times: a datagram may be lost, a connection closed for being idle.
func (a *asker) ask(t testing.TB, q judgeQuery, sent bool) *dns.Msg {
	var err error
	for range 3 {
		if !sent {
			err = a.send(q)
		}
		if err == nil {
			var in *dns.Msg
			if in, err = a.receive(q); err == nil {
				return in
			}
		}
		a.drop(q.tcp)
		sent = false
	}
	require.NoError(t, err, "%s from %s", q, a.addr)
	return nil
}

// askAll asks several servers at once.
func askAll(t testing.TB, servers []*asker, q judgeQuery) []*dns.Msg {
	sent := make([]bool, len(servers))
	for i, s := range servers {
		sent[i] = s.send(q) == nil
	}
	out := make([]*dns.Msg, len(servers))
	for i, s := range servers {
		if !sent[i] {
			s.drop(q.tcp)
		}
		out[i] = s.ask(t, q, sent[i])
	}
	return out
}

// reply is what of an answer has to be the same with every server. What is free is not in it:
// the order of records (and that Knot and NSD follow some loops twice), letter case of names, NS records of the zone beside a
// positive answer, and what is in the additional section beyond required glue.
type reply struct {
	rcode     string
	aa, tc    bool
	answer    []string
	authority []string // SOA of a negative answer, NS and DS of a referral
	glue      []string // addresses of servers inside the delegation (RFC 9471 §3)
}

func (r reply) String() string {
	return fmt.Sprintf("%s aa=%t tc=%t\n    answer:    %s\n    authority: %s\n    glue:      %s",
		r.rcode, r.aa, r.tc, strings.Join(r.answer, " | "), strings.Join(r.authority, " | "), strings.Join(r.glue, " | "))
}

// equal compares what counts: of a truncated answer only that it is one.
func (r reply) equal(o reply) bool {
	if r.rcode != o.rcode || r.aa != o.aa || r.tc != o.tc {
		return false
	}
	return r.tc || slices.Equal(r.answer, o.answer) && slices.Equal(r.authority, o.authority) && slices.Equal(r.glue, o.glue)
}

// replyOf leaves out the NS records of zones that are ours beside what is asked for.
func replyOf(m *dns.Msg, isZone func(owner string) bool) reply {
	r := reply{rcode: dns.RcodeToString[m.Rcode], aa: m.Authoritative, tc: m.Truncated, answer: slices.Compact(records(m.Answer))}
	var cuts []dns.RR
	for _, rr := range m.Ns {
		if rr.Header().Rrtype == dns.TypeNS {
			if isZone(strings.ToLower(rr.Header().Name)) {
				continue
			}
			cuts = append(cuts, rr)
		}
		r.authority = append(r.authority, record(rr))
	}
	slices.Sort(r.authority)
	for _, rr := range m.Extra {
		if t := rr.Header().Rrtype; t != dns.TypeA && t != dns.TypeAAAA {
			continue
		}
		for _, c := range cuts {
			ns := c.(*dns.NS).Ns
			if strings.EqualFold(ns, rr.Header().Name) && dns.IsSubDomain(strings.ToLower(c.Header().Name), strings.ToLower(ns)) {
				r.glue = append(r.glue, record(rr))
			}
		}
	}
	slices.Sort(r.glue)
	return r
}

// named are the types that hold names, whose letter case does not matter.
var named = map[uint16]bool{dns.TypeNS: true, dns.TypeCNAME: true, dns.TypeSOA: true, dns.TypePTR: true, dns.TypeMX: true, dns.TypeSRV: true, dns.TypeRP: true,
	dns.TypeAFSDB: true, dns.TypeKX: true, dns.TypeHTTPS: true, dns.TypeSVCB: true, dns.TypeDNAME: true}

func record(rr dns.RR) string {
	s := rr.String()
	if named[rr.Header().Rrtype] {
		return strings.ToLower(s)
	}
	owner := rr.Header().Name
	return strings.ToLower(owner) + s[len(owner):]
}

func records(in []dns.RR) []string {
	out := make([]string, 0, len(in))
	for _, rr := range in {
		out = append(out, record(rr))
	}
	slices.Sort(out)
	return out
}
