// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// asks reads the report of x as somebody who has a version already; nil: nothing.
func asks(t *testing.T, x *Exchange, have *Zone) *Zone {
	t.Helper()
	empty, err := newZone(x.cfg.Self, testZone)
	require.NoError(t, err)
	tr := &transfer{empty: empty, base: have, chain: &chain{key: x.keys[0]}}
	if have != nil {
		tr.have = have.soa()
	}
	ask := newBuilder(512, 7, 0, question(empty.origin, dns.TypeIXFR), empty.origin)
	ask.soa(authoritySection, tr.have)
	raw, err := tr.chain.sign(ask.buf, stamp(time.Now()))
	require.NoError(t, err)
	tr.chain.later = false
	require.True(t, x.ServeSlow(t.Context(), raw, netip.AddrPort{}, true, func(b []byte) error {
		m, err := parseMessage(b)
		if err == nil {
			_, err = tr.take(m, time.Now())
		}
		return err
	}))
	if tr.result == resultUnchanged {
		return have
	}
	require.NotNil(t, tr.zone)
	return tr.zone
}

// TestAChangeElsewhereMakesNoReportHere: whatever changes anywhere moves the serial of the
// served zone in every cluster. That is told every ten seconds, and at once to who
// begins to read, since it may have lost its own.
func TestAChangeElsewhereMakesNoReportHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		store, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "x"})
		require.NoError(t, err)
		x, err := New(Config{Self: "eu", ClusterID: "x", Keys: []Key{{Key: testKey()}}, Store: store, Worlds: store.Mailbox().C(), Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		store.SetZones([]gslb.ZoneIntent{{Zone: testZone, EdgeZone: testZone.Parent()}})
		store.SetLocal(gslb.LocalState{Synced: true, Mark: 1})
		go func() { _ = store.Run(ctx) }()
		go func() { _ = x.Run(ctx) }()
		pass := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
		pass(time.Second)
		first := asks(t, x, nil)
		serial := func() uint32 { return store.World().Zone(testZone).Serial }
		calls := func() {
			store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "u", At: time.Now()})
			pass(time.Second)
		}
		elsewhere := func(n uint32) {
			o := bigOffer(1, n)
			require.NoError(t, store.SetReport(&gslb.Report{Cluster: "us", ClusterID: "u", Instance: "u", Zone: testZone, Serial: n, Offers: map[gslb.Name]*gslb.Offer{o.Host: o}}))
			calls()
		}
		before := serial()
		for n := range uint32(8) {
			elsewhere(n)
		}
		assert.Greater(t, serial(), before)
		second := asks(t, x, first)
		assert.LessOrEqual(t, second.serial, first.serial+1, "that us is heard now")
		for range 3 {
			calls()
		}
		third := asks(t, x, second)
		r, err := third.Report()
		require.NoError(t, err)
		assert.Equal(t, serial(), r.Public, "told in time")
		elsewhere(100)
		assert.Equal(t, third, asks(t, x, third))
		r, err = asks(t, x, nil).Report()
		require.NoError(t, err)
		assert.Equal(t, serial(), r.Public, "told at once to who begins to read")
		cancel()
	})
}
