// SPDX-License-Identifier: Apache-2.0

package world_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/terratest/world"
)

func TestMetricsAreSummedByLabel(t *testing.T) {
	m, err := world.ParseMetrics(`# TYPE queries_total counter
queries_total{qtype="A",transport="udp"} 3
queries_total{qtype="A",transport="tcp"} 2
queries_total{qtype="AAAA",transport="udp"} 7
# TYPE up gauge
up 1
# TYPE took_seconds histogram
took_seconds_bucket{le="1"} 4
took_seconds_bucket{le="+Inf"} 5
took_seconds_sum 2
took_seconds_count 5
`)
	require.NoError(t, err)
	for _, c := range []struct {
		name   string
		labels []string
		want   float64
		found  bool
	}{
		{"queries_total", []string{"qtype=A"}, 5, true},
		{"queries_total", []string{"qtype=A", "transport=tcp"}, 2, true},
		{"queries_total", nil, 12, true},
		{"queries_total", []string{"qtype=MX"}, 0, false},
		{"up", nil, 1, true},
		{"took_seconds", nil, 5, true},
		{"nothing", nil, 0, false},
	} {
		got, found := m.Sum(c.name, c.labels...)
		assert.Equal(t, c.want, got, "%s %v", c.name, c.labels)
		assert.Equal(t, c.found, found, "%s %v", c.name, c.labels)
	}
	_, err = world.ParseMetrics("no metrics {")
	require.ErrorContains(t, err, "reading metrics")
}
