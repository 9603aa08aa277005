// SPDX-License-Identifier: Apache-2.0

package rfc2136_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/edge/server"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// counting is an edge server that counts the messages that come.
type counting struct {
	*server.Server
	asked atomic.Int64
}

// ServeSlow implements dnsserver.SlowPath.
func (c *counting) ServeSlow(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func([]byte) error) bool {
	c.asked.Add(1)
	return c.Server.ServeSlow(ctx, msg, from, tcp, reply)
}

// TestTwoEdgeZonesOnTwoServers has a primary for each edge zone, both in one list.
func TestTwoEdgeZonesOnTwoServers(t *testing.T) {
	zones := []gslb.Name{gslb.MustName("example.com"), gslb.MustName("example.net")}
	var of []*counting
	var list string
	for _, z := range zones {
		s, err := server.New(server.Config{Zone: z.String(), Keys: tsigkey.NewKeyring(edgetest.Key())})
		require.NoError(t, err)
		of = append(of, &counting{Server: s})
		list += edgetest.Listen(t, of[len(of)-1]).String() + ","
	}
	p := publisher(t, list, edgetest.Key())
	write := func(zone gslb.Name, i int) {
		t.Helper()
		name, data := gslb.MustName("gslb-ns-eu-cloud."+zone.String()), fmt.Sprintf("192.0.2.%d", i)
		took, err := p.Update(t.Context(), edge.Change{Zone: zone, Clear: []edge.RRset{{Name: name, Type: edge.TypeA}},
			Add: []gslb.Record{{Name: name, Type: edge.TypeA, TTL: 300, Data: data}}})
		require.NoError(t, err, zone)
		a, err := p.Lookup(t.Context(), edge.Query{Zone: zone, Name: name, Type: edge.TypeA})
		require.NoError(t, err, zone)
		assert.Equal(t, edge.Answer{Server: took, Data: []string{data}}, a, "%s is read where it was written", zone)
	}
	write(zones[0], 1)
	write(zones[1], 1)
	first := []int64{of[0].asked.Load(), of[1].asked.Load()}
	const rounds = 5
	for i := range rounds {
		write(zones[1], 2+i)
		write(zones[0], 2+i)
	}
	for i, s := range of {
		assert.Equal(t, first[i]+2*rounds, s.asked.Load(), "an update and a question each round at the server of %s, and nothing about the other zone", zones[i])
	}
}
