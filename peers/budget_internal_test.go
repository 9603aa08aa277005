// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// TestBytesStayWithinTheirBudget holds what docs/peers.md promises: a quiet second of a
// connection, and a change of one host of 10,000, whatever else is in the report.
func TestBytesStayWithinTheirBudget(t *testing.T) {
	x, err := New(Config{
		Self: "eu", ClusterID: "5e9c2b1e-5c1f-4a6b-9c53-1c5c7d4b0001", Instance: "d15464387c581ebd", Keys: []Key{{Key: testKey()}},
		Store: discard{}, Worlds: make(chan *gslb.World), Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	old := bigZone(t, 10_000, 1)
	pub := newPublication()
	x.author.own[old.origin] = &ownZone{zone: old.zone, pub: pub}
	pub.publish(old)
	number := uint64(1_000_000_000)
	exchange := func() (asked, answer int) {
		ask := newBuilder(512, 7, 0, question(old.origin, dns.TypeIXFR), old.origin)
		ask.soa(authoritySection, old.soa())
		number++
		h := &hello{tag: "us-east-1", id: "5e9c2b1e-5c1f-4a6b-9c53-1c5c7d4b0002", instance: "9c53c581ebd5d154", number: number, hold: time.Millisecond}
		ask.opt(0, HoldOption, h.String())
		raw, err := (&chain{key: x.keys[0]}).sign(ask.buf, stamp(time.Now()))
		require.NoError(t, err)
		require.True(t, x.ServeSlow(t.Context(), raw, netip.AddrPort{}, true, func(b []byte) error {
			answer += len(b)
			return nil
		}))
		return len(raw), answer
	}
	asked, answered := exchange()
	assert.LessOrEqual(t, asked+answered, 1000, "%d and %d octets in a quiet second of a connection", asked, answered)

	o := bigOffer(77, 2)
	s, err := encodeSet(o.Host, o, nil, testZone)
	require.NoError(t, err)
	now := old.with(map[string]*set{s.label: s}, soa{instance: old.instance, serial: 2})
	pub.publish(now)
	_, changed := exchange()
	assert.LessOrEqual(t, changed, s.size+old.find(s.label).size+700, "the host as it was and as it is, and little else")
}
