// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"flag"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

var update = flag.Bool("update", false, "write the status of the example anew")

// TestStatusThatKarmadaIsGiven: the example beside Karmada aggregates what stands in this
// file (check M2 of docs/neighbours.md), so it has to be what is written.
func TestStatusThatKarmadaIsGiven(t *testing.T) {
	const golden = "../examples/karmada-istio/testdata/written/eu.yaml"
	synctest.Test(t, func(t *testing.T) {
		in := scene{own: []part{healthy("192.0.2.1")}, us: []part{unhealthy(gslb.ReasonNotReady, "198.51.100.1")}, out: translate.Output{
			ExposedIPs: []netip.Addr{netip.MustParseAddr("192.0.2.1")},
		}}.input(t)
		got, err := yaml.Marshal(statusOf(in))
		require.NoError(t, err)
		if *update {
			require.NoError(t, os.WriteFile(golden, got, 0o600))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), "-update writes it anew")
	})
}
