// SPDX-License-Identifier: Apache-2.0

package dnstest

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
)

// patience is how long a test waits for an answer that must come.
const patience = time.Minute

// Query is a question to a server.
type Query struct {
	Name  string
	Type  uint16
	Class uint16 // 0: IN
	TCP   bool
	EDNS  uint16 // size in the OPT record; 0: no OPT record
	DO    bool
}

// Msg makes the message of a question, with RD clear.
func (q Query) Msg() *dns.Msg {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(q.Name), q.Type)
	m.RecursionDesired = false
	if q.Class != 0 {
		m.Question[0].Qclass = q.Class
	}
	if q.EDNS > 0 {
		m.SetEdns0(q.EDNS, q.DO)
	}
	return m
}

// Ask asks a question and gives the answer, which must come and fit to it.
func Ask(t testing.TB, server netip.AddrPort, q Query) *dns.Msg {
	t.Helper()
	return Exchange(t, server, q.Msg(), q.TCP)
}

// Exchange sends a message and gives the answer to it.
func Exchange(t testing.TB, server netip.AddrPort, m *dns.Msg, tcp bool) *dns.Msg {
	t.Helper()
	c := &dns.Client{Net: "udp", Timeout: patience, UDPSize: dns.MaxMsgSize}
	if tcp {
		c.Net = "tcp"
	}
	in, _, err := c.Exchange(m, server.String())
	require.NoError(t, err)
	require.Equal(t, m.Id, in.Id)
	return in
}

// Dial connects to a server; the connection is closed when the test ends, and
// its reads and writes fail after a long time.
func Dial(t testing.TB, network string, server netip.AddrPort) *dns.Conn {
	t.Helper()
	c, err := net.Dial(network, server.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return &dns.Conn{Conn: c, UDPSize: dns.MaxMsgSize}
}

// sentinel is a well-formed query whose answer shows that what was sent before
// it on the same socket is done.
func sentinel(id uint16) []byte {
	return []byte{byte(id >> 8), byte(id), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 8, 's', 'e', 'n', 't', 'i', 'n', 'e', 'l', 0, 0, 1, 0, 1}
}

// UDP sends a packet as it is and gives the answer to it; nil if the server is
// silent. Not for messages that go to a slow path.
func UDP(t testing.TB, server netip.AddrPort, packet []byte) []byte {
	t.Helper()
	c := Dial(t, "udp", server)
	id := uint16(0x5E17)
	if len(packet) > 1 && packet[0] == 0x5E {
		id = 0xE175
	}
	_, err := c.Conn.Write(packet)
	require.NoError(t, err)
	_, err = c.Conn.Write(sentinel(id))
	require.NoError(t, err)
	var answer []byte
	for {
		buf := make([]byte, dns.MaxMsgSize)
		n, err := c.Conn.Read(buf)
		require.NoError(t, err)
		if n >= 2 && buf[0] == byte(id>>8) && buf[1] == byte(id) {
			return answer
		}
		require.Nil(t, answer, "two answers to one packet")
		answer = buf[:n]
	}
}

// TCP sends a message as it is in a frame and gives the answer to it; nil if
// the server is silent or closes the connection.
func TCP(t testing.TB, server netip.AddrPort, message []byte) []byte {
	t.Helper()
	c := Dial(t, "tcp", server)
	_, err := c.Write(message)
	require.NoError(t, err)
	require.NoError(t, c.Conn.(*net.TCPConn).CloseWrite())
	buf := make([]byte, dns.MaxMsgSize)
	n, err := c.Read(buf)
	if err != nil {
		return nil
	}
	return buf[:n]
}

// Expect says what an answer should hold. Sections are zone-file lines in any
// order; the OPT record is left out.
type Expect struct {
	Rcode      int
	AA, TC     bool
	Answer     []string
	Authority  []string
	Additional []string
}

// Check compares an answer with what it should hold.
func (e Expect) Check(t testing.TB, m *dns.Msg) {
	t.Helper()
	assert.Equal(t, dns.RcodeToString[e.Rcode], dns.RcodeToString[m.Rcode], "rcode")
	assert.Equal(t, e.AA, m.Authoritative, "AA")
	assert.Equal(t, e.TC, m.Truncated, "TC")
	assert.False(t, m.RecursionAvailable, "RA")
	assert.Equal(t, lines(t, e.Answer), records(m.Answer), "answer section")
	assert.Equal(t, lines(t, e.Authority), records(m.Ns), "authority section")
	extra := slices.DeleteFunc(slices.Clone(m.Extra), func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeOPT })
	assert.Equal(t, lines(t, e.Additional), records(extra), "additional section")
}

// WithSerials puts the serial of a zone of the table in the place of %SERIAL%,
// by the owner of the line.
func (e Expect) WithSerials(table *answers.Table) Expect {
	fill := func(in []string) []string {
		out := slices.Clone(in)
		for i, line := range out {
			owner, _, _ := strings.Cut(line, " ")
			for _, z := range table.World().Zones {
				if strings.EqualFold(owner, z.Zone.FQDN()) {
					out[i] = strings.ReplaceAll(line, "%SERIAL%", strconv.FormatUint(uint64(z.Serial), 10))
				}
			}
		}
		return out
	}
	e.Answer, e.Authority = fill(e.Answer), fill(e.Authority)
	return e
}

// lines gives zone-file lines as the library writes them, sorted.
func lines(t testing.TB, in []string) []string {
	t.Helper()
	out := make([]string, 0, len(in))
	for _, s := range in {
		rr, err := dns.NewRR(s)
		require.NoError(t, err)
		require.NotNil(t, rr, "line %q", s)
		out = append(out, rr.String())
	}
	slices.Sort(out)
	return out
}

func records(in []dns.RR) []string {
	out := make([]string, 0, len(in))
	for _, rr := range in {
		out = append(out, rr.String())
	}
	slices.Sort(out)
	return out
}
