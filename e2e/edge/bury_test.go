// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package edge_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/bindtest"
)

// digger gives the data of an RRset at a server, a referral's NS records too.
func digger(t *testing.T, addr netip.AddrPort) func(name, kind string) string {
	return func(name, kind string) string {
		t.Helper()
		out := bindtest.Dig(t, "@"+addr.Addr().String(), "-p", fmt.Sprint(addr.Port()), name, kind, "+norecurse", "+noall", "+answer", "+authority")
		var data []string
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) > 4 && f[3] == kind {
				data = append(data, strings.Join(f[4:], " "))
			}
		}
		return strings.Join(data, "|")
	}
}

// buriesAndTakesBack has us die, eu take its name server out of the delegation, and us return,
// where each has a key that may not touch the other's glue.
func buriesAndTakesBack(t *testing.T, addr netip.AddrPort, eu, us *member, usKey bindtest.Key) {
	t.Helper()
	const server, beat = "gslb-ns-us-cloud.example.com", "gslb-heartbeat-us.example.com"
	dig := digger(t, addr)
	us.stop()
	glue, last := dig(server, "A"), dig(beat, "TXT")
	eu.tell(func(w *gslb.World) { w.Clusters[1].Liveness, w.Zones[0].Dead = gslb.Lost, []gslb.GeoTag{"us"} })
	until(t, "the name server of us is gone, and its glue is told", func() bool {
		s := eu.keeper.Status()
		return !strings.Contains(dig("cloud.example.com", "NS"), server) && len(s) == 1 && s[0].OK && strings.Contains(s[0].Message, server)
	})
	assert.Contains(t, dig("cloud.example.com", "NS"), "gslb-ns-eu-cloud.example.com.")
	assert.Equal(t, glue, dig(server, "A"), "glue is its cluster's alone")
	assert.Equal(t, last, dig(beat, "TXT"))

	eu.tell(func(w *gslb.World) { w.Clusters[1].Liveness, w.Zones[0].Dead = gslb.Fresh, nil })
	back := join(t, &bindtest.Server{Addr: addr}, "us", usKey, []string{"198.51.100.77"}, func(c *edge.Config) { c.Instance = "us-2" })
	until(t, "us is back, at its new address alone", func() bool {
		return strings.Contains(dig("cloud.example.com", "NS"), server) && dig(server, "A") == "198.51.100.77"
	})
	for _, m := range []*member{eu, back} {
		until(t, "nothing is left to tell", func() bool { s := m.keeper.Status()[0]; return s.OK && s.Message == "" })
	}
}
