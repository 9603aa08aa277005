// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/netip"
	"testing"

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

func TestTheSlowPathIsAChain(t *testing.T) {
	s := &slowPath{}
	serve := func(kind byte) bool { return s.ServeSlow(t.Context(), []byte{kind}, netip.AddrPort{}, false, nil) }
	assert.False(t, serve(1), "nobody is there yet")
	last, first := &taker{takes: 2}, &taker{takes: 1}
	s.lead(placeZoneOut, last)
	s.lead(placeExchange, first)
	assert.True(t, serve(1))
	assert.Zero(t, last.got, "the first one took it")
	assert.True(t, serve(2))
	assert.False(t, serve(3))
	assert.Equal(t, 3, first.got)
	assert.Equal(t, 2, last.got)
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
