// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/config"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// taker is a part of the slow path that takes messages of one kind.
type taker struct {
	takes byte
	got   int
}

func (l *taker) ServeSlow(_ context.Context, msg []byte, _ netip.AddrPort, _ bool, _ func([]byte) error) bool {
	l.got++
	return msg[0] == l.takes
}

// message is one of a kind, with so many additional records.
func message(kind, additional byte) []byte { return []byte{kind, 11: additional} }

func TestTheSlowPathIsAChain(t *testing.T) {
	s := newSlowPath()
	serve := func(kind byte) bool {
		return s.ServeSlow(t.Context(), message(kind, 1), netip.AddrPort{}, false, nil)
	}
	last, first := &taker{takes: 2}, &taker{takes: 1}
	s.lead(placeZoneOut, last)
	s.lead(placeExchange, first)
	s.complete()
	assert.True(t, serve(1))
	assert.Zero(t, last.got, "the first one took it")
	assert.True(t, serve(2))
	assert.False(t, serve(3))
	assert.Equal(t, 3, first.got)
	assert.Equal(t, 2, last.got)
}

// Who is told BADKEY by a cluster that was lost believes that it lives, with other keys, and
// answers again with what it offered before it went.
func TestWhatMayBeSignedWaitsForTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, exchange := newSlowPath(), &taker{takes: 1}
		none := func([]byte) error { t.Error("it is not answered"); return nil }
		assert.False(t, s.ServeSlow(t.Context(), message(1, 0), netip.AddrPort{}, true, none), "unsigned: as if there were no slow path")

		began := time.Now()
		assert.True(t, s.ServeSlow(t.Context(), message(1, 1), netip.AddrPort{}, true, none), "silence, no BADKEY")
		assert.Equal(t, startWait, time.Since(began))
		gone, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		assert.True(t, s.ServeSlow(gone, message(1, 1), netip.AddrPort{}, true, none))
		assert.Equal(t, time.Second, time.Since(began), "the connection was closed")

		s.lead(placeExchange, exchange)
		taken := make(chan bool)
		go func() { taken <- s.ServeSlow(t.Context(), message(1, 1), netip.AddrPort{}, true, none) }()
		synctest.Wait()
		assert.Zero(t, exchange.got, "other links are still to come")
		s.complete()
		assert.True(t, <-taken)
		assert.Equal(t, 1, exchange.got)
	})
}

func TestKeysOfAllPartsAreKnown(t *testing.T) {
	key := func(name string) *tsigkey.Key { return tsigkey.FromSecret(name, "hmac-sha256", make([]byte, 32)) }
	knows := knownKeys(&config.Settings{
		PeerKeys:   []config.PeerKey{{Key: key("Peers.Example")}},
		UpdateKeys: []config.UpdateKey{{Key: key("update")}},
		Transfers:  config.Transfers{Keys: []*tsigkey.Key{key("transfer")}},
	})
	assert.True(t, knows([]byte("\x05peers\x07example\x00")))
	assert.True(t, knows([]byte("\x06update\x00")))
	assert.True(t, knows([]byte("\x08transfer\x00")))
	assert.False(t, knows([]byte("\x05other\x00")))
}
