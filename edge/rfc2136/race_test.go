// SPDX-License-Identifier: Apache-2.0

package rfc2136_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/edge/rfc2136"
	"github.com/meridian-gslb/meridian/edge/server"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// TestTwoClustersUpdatingAtOnceLoseNothing has two clusters change the small edge
// server 500 times each, with heartbeats that their instances race for.
func TestTwoClustersUpdatingAtOnceLoseNothing(t *testing.T) {
	_, addr := edgetest.Serve(t, server.Config{State: filepath.Join(t.TempDir(), "zone")})
	publisher := func() *rfc2136.Publisher {
		p, err := rfc2136.New(rfc2136.Config{Servers: addr.String(), Key: edgetest.Key()})
		require.NoError(t, err)
		t.Cleanup(p.Close)
		return p
	}
	parent, cloud := gslb.MustName("example.com"), gslb.MustName("cloud.example.com")
	others := publisher()
	_, err := others.Update(t.Context(), edge.Change{Zone: parent, Add: []gslb.Record{
		{Name: gslb.MustName("mail.example.com"), Type: edge.TypeA, TTL: 77, Data: "192.0.2.25"},
		{Name: parent, Type: edge.TypeTXT, TTL: 3600, Data: `"v=spf1 -all"`},
		{Name: cloud, Type: edge.TypeNS, TTL: 30, Data: "ns.elsewhere.example."},
		{Name: gslb.MustName("gslb-ns-ap-cloud.example.com"), Type: edge.TypeA, TTL: 60, Data: "203.0.113.7"},
	}})
	require.NoError(t, err)
	before := foreign(t, addr.String())
	require.Subset(t, before, []string{"cloud.example.com.\t0\tIN\tNS\tns.elsewhere.example.", "mail.example.com.\t77\tIN\tA\t192.0.2.25"})
	racers := edgetest.Racers{Zone: cloud, EdgeZone: parent, Updates: 500, Clusters: map[gslb.GeoTag]edge.Publisher{"eu": publisher(), "us": publisher()}}
	racers.Run(t)
	assert.Equal(t, before, foreign(t, addr.String()), "what is not ours is as it was, TTLs too")
}

// foreign transfers the edge zone and gives what is neither eu's nor us's. The NS RRset
// of the delegation has one TTL, whoever's records are in it (RFC 2181 §5.2).
func foreign(t *testing.T, server string) []string {
	t.Helper()
	key := edgetest.Key()
	tr := &dns.Transfer{TsigProvider: tsigkey.NewKeyring(key)}
	m := new(dns.Msg).SetAxfr("example.com.")
	m.SetTsig(key.Name, key.Algorithm, 300, time.Now().Unix())
	c, err := tr.In(m, server)
	require.NoError(t, err)
	var out []string
	for e := range c {
		require.NoError(t, e.Error)
		for _, rr := range e.RR {
			if rr.Header().Name == "cloud.example.com." {
				rr.Header().Ttl = 0
			}
			s := rr.String()
			if strings.Contains(s, "-eu") || strings.Contains(s, "-us") || rr.Header().Rrtype == dns.TypeSOA {
				continue
			}
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}
