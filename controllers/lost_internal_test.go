// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/gslb"
)

func TestLostClustersTellWhenTheyDiffer(t *testing.T) {
	var l lostClusters
	assert.False(t, l.has("us"))
	for _, c := range []struct {
		why    string
		names  []string
		differ bool
		us     bool
	}{
		{"none is lost, as at the start", nil, false, false},
		{"one is lost, by tag and id", []string{"id-us", "us"}, true, true},
		{"the same", []string{"id-us", "us"}, false, true},
		{"another too", []string{"ap", "id-us", "us"}, true, true},
		{"one is back", []string{"ap"}, true, false},
		{"all are back", nil, true, false},
	} {
		assert.Equal(t, c.differ, l.put(c.names), c.why)
		assert.Equal(t, c.us, l.has("us"), c.why)
	}
}

// TestNamesOfLostClusters: neighbours name a cluster by its tag or its id.
func TestNamesOfLostClusters(t *testing.T) {
	w := &gslb.World{Self: "eu", Clusters: []gslb.Cluster{
		{Tag: "eu", ID: "id-eu", Liveness: gslb.Self},
		{Tag: "us", ID: "id-us", Liveness: gslb.Lost},
		{Tag: "ap", Liveness: gslb.Lost}, // which never told its id
		{Tag: "sa", ID: "id-sa", Liveness: gslb.Left},
		{Tag: "af", ID: "id-af", Liveness: gslb.Doubtful},
		{Tag: "oc", ID: "id-oc", Liveness: gslb.Vouched},
	}}
	assert.Equal(t, []string{"ap", "id-us", "us"}, namesOfLost(w))
	assert.Empty(t, namesOfLost(&gslb.World{Self: "eu"}))
}
