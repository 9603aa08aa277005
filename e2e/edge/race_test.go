// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package edge_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/edge/rfc2136"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/bindtest"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

func publisher(t *testing.T, servers string, key bindtest.Key) *rfc2136.Publisher {
	t.Helper()
	p, err := rfc2136.New(rfc2136.Config{Servers: servers, Key: tsigkey.FromSecret(key.Name, "hmac-sha256", key.Secret)})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// TestTwoClustersUpdatingAtOnceLoseNothingInBIND has two clusters change a zone of BIND
// 500 times each, with heartbeats that their instances race for.
func TestTwoClustersUpdatingAtOnceLoseNothingInBIND(t *testing.T) {
	s := startBIND(t, documented(t))
	others := func() (lines []string) {
		for _, l := range s.AXFR("example.com") {
			if strings.Contains(l, "-eu") || strings.Contains(l, "-us") {
				continue
			}
			if strings.HasPrefix(l, "cloud.example.com.") { // one TTL for the set, whoever's records are in it
				f := strings.Fields(l)
				l = strings.Join(append(f[:1], f[2:]...), " ")
			}
			lines = append(lines, l)
		}
		return lines
	}
	before := others()
	require.Greater(t, len(before), 8)
	racers := edgetest.Racers{Zone: cloud, EdgeZone: parent, Updates: 500, Clusters: map[gslb.GeoTag]edge.Publisher{
		"eu": publisher(t, s.Addr.String(), euKey), "us": publisher(t, s.Addr.String(), usKey),
	}}
	racers.Run(t)
	assert.Equal(t, before, others(), "what is not ours is as it was")
}

// TestThePrimaryOfTheEdgeMoves has a second server of the edge zone, that held an old copy,
// take over as the primary, and the first one come back beside it.
func TestThePrimaryOfTheEdgeMoves(t *testing.T) {
	conf := documented(t)
	old := startBIND(t, conf)
	next := startBIND(t, conf)
	next.Stop()
	eu := join(t, old, "eu", euKey, []string{"203.0.113.10"}, func(c *edge.Config) {
		c.Publisher = publisher(t, old.Addr.String()+","+next.Addr.String(), euKey)
	})
	assert.Equal(t, old.Addr.String(), eu.until(edge.ReasonDelegated).Server)
	old.Stop()
	next.Restart()
	eu.tell(func(w *gslb.World) { w.Zones[0].Addrs = parse([]string{"203.0.113.11"}) })
	until(t, "the new primary has all of ours", func() bool {
		st := eu.keeper.Status()[0]
		return st.OK && st.Server == next.Addr.String() &&
			strings.TrimSpace(next.Dig("gslb-ns-eu-cloud.example.com", "A", "+short")) == "203.0.113.11" &&
			strings.Contains(next.Dig("gslb-heartbeat-eu.example.com", "TXT", "+short"), `"cluster=eu"`)
	})
	old.Restart()
	eu.tell(func(w *gslb.World) { w.Zones[0].Addrs = parse([]string{"203.0.113.12"}) })
	until(t, "what changes goes to the one that took it last", func() bool {
		return strings.Contains(next.Dig("gslb-ns-eu-cloud.example.com", "A", "+short"), "203.0.113.12")
	})
	assert.NotContains(t, old.Dig("gslb-ns-eu-cloud.example.com", "A", "+short"), "203.0.113.12")
	log, err := os.ReadFile(filepath.Join(next.Dir, "named.log"))
	require.NoError(t, err)
	assert.NotContains(t, string(log), "BADSIG", "every message was signed anew")
	assert.NotContains(t, string(log), "BADTIME")
}
