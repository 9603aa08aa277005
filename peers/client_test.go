// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
	"github.com/meridian-gslb/meridian/peers"
)

const (
	reportZone = "_report.eu.cloud.example.com."
	keyName    = "meridian."
)

// client asks an author as miekg/dns does, which is a second opinion on every
// octet of what it signs.
type client struct {
	t    *testing.T
	c    *cluster
	ring *tsigkey.Keyring
	udp  bool
}

func newClient(t *testing.T, c *cluster) *client {
	return &client{t: t, c: c, ring: tsigkey.NewKeyring(sharedKey().Key)}
}

// question makes a signed question; edit may change it before it is signed.
func (c *client) question(name string, qtype uint16, edit ...func(*dns.Msg)) (msg []byte, mac string) {
	c.t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	m.RecursionDesired = false
	for _, f := range edit {
		f(m)
	}
	if m.IsTsig() == nil {
		m.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Unix())
	}
	msg, mac, err := dns.TsigGenerateWithProvider(m, c.ring, "", false)
	require.NoError(c.t, err)
	return msg, mac
}

// serve hands a message to the author and gives its answers as they came.
func (c *client) serve(ctx context.Context, msg []byte) (out [][]byte, taken bool) {
	taken = c.c.x.ServeSlow(ctx, msg, netip.MustParseAddrPort("198.51.100.7:4711"), !c.udp, func(b []byte) error {
		out = append(out, b)
		return nil
	})
	return out, taken
}

// ask sends a signed question and verifies every message of the answer.
func (c *client) ask(name string, qtype uint16, edit ...func(*dns.Msg)) []*dns.Msg {
	c.t.Helper()
	msg, mac := c.question(name, qtype, edit...)
	raw, taken := c.serve(c.t.Context(), msg)
	require.True(c.t, taken)
	require.NotEmpty(c.t, raw)
	var out []*dns.Msg
	for i, b := range raw {
		m := new(dns.Msg)
		require.NoError(c.t, m.Unpack(b))
		if m.Rcode != dns.RcodeNotAuth {
			require.NoErrorf(c.t, dns.TsigVerifyWithProvider(b, c.ring, mac, i > 0), "message %d", i)
		}
		mac = m.IsTsig().MAC
		assert.Less(c.t, len(b), 32<<10, "messages stay well below 64 KiB")
		out = append(out, m)
	}
	return out
}

func answers(ms []*dns.Msg) []dns.RR {
	var out []dns.RR
	for _, m := range ms {
		out = append(out, m.Answer...)
	}
	return out
}

// inAuthor runs f on an author that offers some hosts.
func inAuthor(t *testing.T, f func(t *testing.T, c *client)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu := w.start("eu", nil)
		eu.offer(app, "192.0.2.1", gslb.Healthy)
		eu.offer("b.cloud.example.com", "192.0.2.2", gslb.Unhealthy)
		settle(time.Second)
		f(t, newClient(t, eu))
	})
}

// hold makes the EDNS option of a reader.
func hold(text string) func(*dns.Msg) {
	return func(m *dns.Msg) {
		m.SetEdns0(1232, false)
		o := m.IsEdns0()
		o.Option = append(o.Option, &dns.EDNS0_LOCAL{Code: peers.HoldOption, Data: []byte(text)})
	}
}

func ixfrFrom(soa *dns.SOA) func(*dns.Msg) {
	return func(m *dns.Msg) { m.Ns = []dns.RR{soa} }
}

func option(t *testing.T, m *dns.Msg) string {
	t.Helper()
	require.NotNil(t, m.IsEdns0())
	for _, o := range m.IsEdns0().Option {
		if l, ok := o.(*dns.EDNS0_LOCAL); ok && l.Code == peers.HoldOption {
			return string(l.Data)
		}
	}
	return ""
}
