// SPDX-License-Identifier: Apache-2.0

//go:build load && linux

package load_test

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/internal/lab"
)

// good is a question that is among broken ones, by its ID.
const good = 0xD0E5

// A million broken messages over UDP, TCP and TLS: no panic reaches recover, nothing
// is kept of them, and good questions among them are answered.
func TestAMillionMutatedMessagesToAProcess(t *testing.T) {
	s := serve(t)
	query := packed(t, host, dns.TypeA, func(m *dns.Msg) { m.Id = good })
	seeds := append(kinds(t),
		packed(t, lab.Zone, dns.TypeAXFR), packed(t, lab.Zone, dns.TypeIXFR), packed(t, lab.Zone, dns.TypeSOA, func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }),
		packed(t, host, dns.TypeA, func(m *dns.Msg) { m.SetTsig("peers.", dns.HmacSHA256, 300, time.Now().Unix()) }),
		packed(t, lab.Zone, dns.TypeSOA, func(m *dns.Msg) {
			m.SetUpdate(lab.Zone + ".")
			m.Insert([]dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: "_acme-challenge." + host + ".", Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60}, Txt: []string{"x"}}})
			m.SetTsig("peers.", dns.HmacSHA256, 300, time.Now().Unix())
		}),
	)
	m := dnstest.NewMutator(30, seeds)

	udp := func(n int) {
		c, err := net.Dial("udp", s.at())
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Minute)))
		buf := make([]byte, 65535)
		for i := range n {
			_, err := c.Write(m.Next())
			require.NoError(t, err)
			if i%100 != 0 {
				continue
			}
			_, err = c.Write(query) // and so the socket's buffer never overflows
			require.NoError(t, err)
			for {
				k, err := c.Read(buf)
				require.NoError(t, err, "a good question is not answered")
				if k > 12 && binary.BigEndian.Uint16(buf) == good && buf[7] == 2 {
					break
				}
			}
		}
	}
	stream := func(c net.Conn, n int) {
		defer c.Close()
		require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
		var b []byte
		for range n {
			msg := m.Next()
			for len(msg) < 12 && m.IntN(50) > 0 { // it would end the connection, and what comes after it were lost
				msg = m.Next()
			}
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(msg))), msg...)
		}
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.Discard, c)
		}()
		_, _ = c.Write(b) // it may be closed under us
		if half, ok := c.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		<-read
	}
	tcp := func(n int) {
		for range n / 25 {
			c, err := net.Dial("tcp", s.at())
			require.NoError(t, err)
			stream(c, 25)
		}
	}
	dot := func(n int) {
		sessions := tls.NewLRUClientSessionCache(1)
		for range n / 100 {
			c, err := tls.Dial("tcp", s.dot, &tls.Config{InsecureSkipVerify: true, ClientSessionCache: sessions})
			require.NoError(t, err)
			stream(c, 100)
		}
	}

	udp(20_000)
	tcp(5_000)
	dot(5_000)
	before := s.memory()
	udp(700_000)
	tcp(250_000)
	dot(50_000)
	after := s.memory()
	t.Logf("%.1f MiB before, %.1f MiB after", float64(before)/mib, float64(after)/mib)
	assert.Less(t, after-before, int64(16*mib), "memory")
	c := dns.Client{Net: "tcp", Timeout: 10 * time.Second}
	answer, _, err := c.Exchange(new(dns.Msg).SetQuestion(host+".", dns.TypeA), s.at())
	require.NoError(t, err)
	assert.Len(t, answer.Answer, 2)
	s.sound()
}
