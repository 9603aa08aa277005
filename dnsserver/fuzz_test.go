// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
)

// seeds are messages from which fuzzing starts: every row of the conformance
// table, and what real clients send.
func seeds(f testing.TB) [][]byte {
	f.Helper()
	ask := func(name string, qtype uint16) packet {
		m := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
		m.SetEdns0(1232, true)
		b, err := m.Pack()
		require.NoError(f, err)
		return b
	}
	a := ask("app."+zone, dns.TypeA)
	out := [][]byte{
		{}, header(0), header(0, 1), header(1 << 15), a, a[:20], a.tail(1), a.opt(0, 0), a.tsig(), a.opcode(5), a.flags(0xFFFF),
		ask("x.wild."+zone, dns.TypeANY), ask("absent."+zone, dns.TypeNS), ask(".", dns.TypeNS), ask(zone, dns.TypeSOA),
		ask("many."+zone, dns.TypeA), ask("many."+zone, dns.TypeAXFR),
		a[:len(a)-11].count(3, 0xFFFF).opt(1232, 0, cookieOption(make([]byte, 8))...), header(0).opt(1232, 0, cookieOption(make([]byte, 24))...),
		a[:len(a)-11].count(3, 0xFFFF).opt(1232, 0, 0, dns.EDNS0SUBNET, 0, 7, 0, 1, 24, 0, 192, 0, 2),
		a[:len(a)-11].count(3, 0xFFFF).opt(1232, 0, 0, dns.EDNS0SUBNET, 0, 11, 0, 2, 56, 0, 0x20, 1, 0xD, 0xB8, 0, 0, 1),
		raw(0xC0, 12, 0, 1, 0, 1), raw(0x41, 'a', 0, 0, 1, 0, 1),
		raw(append([]byte(strings.Repeat("\x01a", 127)), 0, 0, 1, 0, 1)...),
	}
	for _, q := range []struct {
		name  string
		qtype uint16
	}{
		{"srv", dns.TypeSRV}, {"one", dns.TypeA}, {"k0", dns.TypeA}, {"toother", dns.TypeA}, {"tocut", dns.TypeA}, {"q.wloop", dns.TypeA}, {"x.sub", dns.TypeA},
		{"sub", dns.TypeDS}, {"x.bigsub", dns.TypeANY}, {"big", dns.TypeTXT}, {"type65400", 65400}, {"tofar", dns.TypeMX},
	} {
		out = append(out, at(f, q.name, q.qtype), ask(q.name+"."+staticZone, q.qtype))
	}
	return out
}

// FuzzRespond sends raw octets through the whole handler: it never panics, and
// what it answers echoes ID and question, fits the size and parses.
func FuzzRespond(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b, false)
		f.Add(b, true)
	}
	s := unserved(f, dnsserver.Config{NSID: "fuzz"})
	respond := dnsserver.Respond(s)
	f.Fuzz(func(t *testing.T, msg []byte, tcp bool) {
		sent := bytes.Clone(msg)
		out, ok := respond([]byte{0xAA}, msg, tcp)
		require.Zero(t, s.Panics())
		require.Equal(t, sent, msg, "a message is not written to")
		require.Equal(t, byte(0xAA), out[0], "nor what lies before the answer")
		if out = out[1:]; !ok {
			require.True(t, len(msg) < 12 || msg[2]&0x80 != 0, "only fragments and answers are met with silence")
			return
		}
		limit := 1232
		if tcp {
			limit = 65535
		} else if p := dnsserver.Parse(msg); !p.OPT {
			limit = 512 + 300 // a TSIG error repeats two names
		}
		require.LessOrEqual(t, len(out), limit)
		require.Equal(t, msg[:2], out[:2], "ID")
		require.Equal(t, byte(0x80)|msg[2]&0x78, out[2]&0xF8, "QR, opcode")
		require.Zero(t, out[3]&0xF0, "RA, Z, AD, CD")
		if out[5] == 1 {
			end := questionEnd(msg)
			require.Equal(t, msg[12:end], out[12:end], "question")
		} else {
			require.Equal(t, []byte{0, 0, 0, 0, 0, 0}, out[4:10], "nothing but an OPT record")
		}
		require.NoError(t, new(dns.Msg).Unpack(out))
	})
}

// memConn is a connection on which everything was sent already, in pieces.
type memConn struct {
	net.Conn
	in    *bytes.Reader
	piece int
	out   bytes.Buffer
}

func (c *memConn) Read(b []byte) (int, error)       { return c.in.Read(b[:min(len(b), c.piece)]) }
func (c *memConn) Write(b []byte) (int, error)      { return c.out.Write(b) }
func (*memConn) RemoteAddr() net.Addr               { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }
func (*memConn) Close() error                       { return nil }
func (*memConn) SetReadDeadline(time.Time) error    { return nil }
func (*memConn) SetWriteDeadline(_ time.Time) error { return nil }

// FuzzStream sends raw octets over TCP, in pieces of any size: however they are
// cut, the answers are the same, and they are whole frames that parse.
func FuzzStream(f *testing.F) {
	var all []byte
	for _, b := range seeds(f) {
		f.Add(frame(b), byte(1))
		all = append(all, frame(b)...)
	}
	f.Add(all, byte(7))
	s := unserved(f, dnsserver.Config{})
	f.Fuzz(func(t *testing.T, stream []byte, piece byte) {
		answers := func(piece int) []byte {
			c := &memConn{in: bytes.NewReader(stream), piece: piece}
			dnsserver.ServeStream(s, c)
			return c.out.Bytes()
		}
		out := answers(1 + int(piece))
		require.Zero(t, s.Panics())
		require.Len(t, answers(1<<16), len(out))
		for len(out) > 0 {
			require.GreaterOrEqual(t, len(out), 2)
			n := 2 + int(binary.BigEndian.Uint16(out))
			require.GreaterOrEqual(t, len(out), n, "a whole frame")
			require.NoError(t, new(dns.Msg).Unpack(out[2:n]))
			out = out[n:]
		}
	})
}

// FuzzParse compares the parser with the library's on the same octets: what we
// take for a good message the library reads alike, and what it reads as one
// plain question we do not refuse.
func FuzzParse(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		ours := dnsserver.Parse(msg)
		theirs := new(dns.Msg)
		err := theirs.Unpack(msg)
		if err != nil {
			return // RDATA that we need not understand, or our FORMERR
		}
		if !ours.OK {
			again, err := theirs.Pack()
			plain := len(msg) >= 12 && msg[2]&0x80 == 0 && bytes.Equal(msg[4:12], []byte{0, 1, 0, 0, 0, 0, 0, 0})
			require.False(t, plain && err == nil && bytes.Equal(again, msg), "a plain question was refused")
			return
		}
		require.Len(t, theirs.Question, 1)
		q := theirs.Question[0]
		require.Equal(t, q.Qtype, ours.Type)
		require.Equal(t, q.Qclass, ours.Class)
		require.Equal(t, theirs.Opcode, ours.Opcode)
		wire := make([]byte, 300)
		n, err := dns.PackDomainName(lowerASCII(q.Name), wire, 0, nil, false)
		require.NoError(t, err)
		require.Equal(t, wire[:n], ours.Name)
		opt := theirs.IsEdns0()
		require.Equal(t, opt != nil, ours.OPT)
		if opt != nil {
			require.Equal(t, opt.Version(), ours.Version)
			require.Equal(t, opt.Do(), ours.DO)
			require.Equal(t, opt.UDPSize(), ours.Size)
			sameOptions(t, opt, ours)
		}
		require.Equal(t, theirs.IsTsig() != nil, ours.Signed)
	})
}

// sameOptions compares the first cookie and the last subnet.
func sameOptions(t *testing.T, opt *dns.OPT, ours dnsserver.Parsed) {
	t.Helper()
	cookie, subnet := "", (*dns.EDNS0_SUBNET)(nil)
	for _, o := range opt.Option {
		switch o := o.(type) {
		case *dns.EDNS0_COOKIE:
			if cookie == "" {
				cookie = o.Cookie
			}
		case *dns.EDNS0_SUBNET:
			subnet = o
		}
	}
	require.Equal(t, cookie, hex.EncodeToString(ours.Cookie))
	require.Equal(t, subnet != nil, ours.Subnet != nil)
	if subnet != nil {
		require.Zero(t, subnet.SourceScope)
		require.Equal(t, subnet.Family, binary.BigEndian.Uint16(ours.Subnet))
		require.Equal(t, subnet.SourceNetmask, ours.Subnet[2])
		wire := []byte(subnet.Address.To16())
		if subnet.Family == 1 {
			wire = subnet.Address.To4()
		}
		require.True(t, bytes.HasPrefix(wire, ours.Subnet[4:]), "%x %x", wire, ours.Subnet)
	}
}

// lowerASCII folds A to Z and nothing else, escapes included.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// unserved is a server that listens and is not run, with the example's answers.
func unserved(t testing.TB, cfg dnsserver.Config) *dnsserver.Server {
	t.Helper()
	cfg.Listen = []string{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), 0).String()}
	s, err := dnsserver.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	s.Publish(exampleTable(t))
	return s
}
