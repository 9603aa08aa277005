// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
)

func TestMetrics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		reg := prometheus.NewPedanticRegistry()
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id", func(c *edge.Config) { c.Registerer = reg })
		r.tell(nil)
		families, err := reg.Gather()
		require.NoError(t, err)
		problems, err := promlint.NewWithMetricFamilies(families).Lint()
		require.NoError(t, err)
		assert.Empty(t, problems)
		values := map[string]float64{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				values[f.GetName()] += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
		assert.Equal(t, 1.0, values["meridian_edge_delegated"])
		assert.Equal(t, 1.0, values["meridian_edge_heartbeat_beats"])
		assert.Equal(t, 2.0, values["meridian_edge_updates_total"])
		_, err = edge.New(edge.Config{Worlds: r.worlds, Store: r, Registerer: reg})
		assert.ErrorContains(t, err, "metrics")
	})
}
