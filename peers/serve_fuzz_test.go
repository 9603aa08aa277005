// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
	"github.com/meridian-gslb/meridian/peers"
)

// FuzzServeSlow hands any octets to the author, once as they are and once signed
// by a good key, as a peer of a strange version would.
func FuzzServeSlow(f *testing.F) {
	store, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "x"})
	require.NoError(f, err)
	x, err := peers.New(peers.Config{
		Self: "eu", ClusterID: "x", Keys: []peers.Key{sharedKey()}, Store: store, Worlds: store.Mailbox().C(), Log: quietLog(),
	})
	require.NoError(f, err)
	ring := tsigkey.NewKeyring(sharedKey().Key)
	for _, edit := range []func(*dns.Msg){
		func(*dns.Msg) {},
		func(m *dns.Msg) { m.SetAxfr(reportZone) },
		func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify },
		hold("v=1 tag=us id=x instance=a n=1 hold=0 hears=ap"),
		func(m *dns.Msg) { m.SetIxfr(reportZone, 1, "i."+reportZone, ".") },
	} {
		m := new(dns.Msg)
		m.SetQuestion(reportZone, dns.TypeSOA)
		edit(m)
		plain, err := m.Pack()
		require.NoError(f, err)
		f.Add(plain)
		m.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Unix())
		signed, _, err := dns.TsigGenerateWithProvider(m, ring, "", false)
		require.NoError(f, err)
		f.Add(signed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		serve := func(msg []byte) {
			for _, tcp := range []bool{true, false} {
				replies := 0
				taken := x.ServeSlow(t.Context(), append([]byte(nil), msg...), netip.AddrPort{}, tcp, func(b []byte) error {
					replies++
					r := new(dns.Msg)
					require.NoError(t, r.Unpack(b), "an answer can be read")
					require.True(t, r.Response)
					require.Equal(t, msg[:2], b[:2], "the id comes back")
					return nil
				})
				require.Equal(t, taken, replies > 0)
			}
		}
		serve(raw)
		m := new(dns.Msg)
		if m.Unpack(raw) != nil || m.IsTsig() != nil {
			return
		}
		for _, rr := range m.Extra {
			if rr.Header().Rrtype == dns.TypeTSIG {
				return
			}
		}
		m.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Unix())
		if signed, _, err := dns.TsigGenerateWithProvider(m, ring, "", false); err == nil {
			serve(signed)
		}
	})
}
