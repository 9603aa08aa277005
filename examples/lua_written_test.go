// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestM2OfAStatusThatWasWritten: check M2 of the status that the controllers write (a test
// of theirs holds that the file has it), in two members.
func TestM2OfAStatusThatWasWritten(t *testing.T) {
	const app = "app.cloud.example.com"
	written := documents(t, "karmada-istio/testdata/written/eu.yaml")[0]
	require.NotEmpty(t, written["clusters"])
	eu, us := template(t), template(t)
	for _, o := range []object{eu, us} {
		o["metadata"] = merge(o["metadata"].(object), object{"generation": written["observedGeneration"], "annotations": object{"resourcetemplate.karmada.io/generation": "4"}})
	}
	eu["status"] = written
	us["status"] = merge(written, object{
		"geoTag": "us", "serviceHealth": object{app: "Unhealthy"}, "loadBalancer": object{"exposedIps": []any{"198.51.100.1"}},
	})
	got := aggregate(t, eu, us)
	assert.Equal(t, []any{"192.0.2.1"}, at(got, "status", "healthyRecords", app), "which both say, once")
	assert.Equal(t, "Healthy", text(got, "status", "serviceHealth", app))
	assert.Equal(t, "eu", text(got, "status", "healthyClusters"))
	clusters, _ := at(got, "status", "clusters").([]any)
	require.Len(t, clusters, 2, "each member once, and not what they say of each other")
	for i, want := range []object{{"geoTag": "eu", "health": "Healthy", "address": "192.0.2.1"}, {"geoTag": "us", "health": "Unhealthy", "address": "198.51.100.1"}} {
		assert.Equal(t, want, object{"geoTag": text(clusters[i], "geoTag"), "health": text(clusters[i], "health"), "address": at(clusters[i], "addresses").([]any)[0]})
	}
	assert.Equal(t, true, call(t, "healthInterpretation", "InterpretHealth", eu))
	noEmpty(t, got)
	valid(t, got)
}
