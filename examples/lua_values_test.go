// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// undone makes of numbers what YAML made of them.
func undone(value any) any {
	switch v := value.(type) {
	case object:
		m := make(object, len(v))
		for k, e := range v {
			m[k] = undone(e)
		}
		if generation, is := m["generation"].(float64); is {
			m["generation"] = int(generation)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = undone(v[i])
		}
		return list
	}
	return value
}

// noEmpty fails on an empty table anywhere.
func noEmpty(t *testing.T, value any) {
	t.Helper()
	switch v := value.(type) {
	case empty:
		assert.Fail(t, "an empty table")
	case object:
		for _, e := range v {
			noEmpty(t, e)
		}
	case []any:
		for _, e := range v {
			noEmpty(t, e)
		}
	}
}

// valid fails where the status is none of a Gslb.
func valid(t *testing.T, o object) {
	t.Helper()
	raw, err := yaml.Marshal(o["status"])
	require.NoError(t, err)
	var status gslbv1beta1.GslbStatus
	require.NoError(t, yaml.UnmarshalStrict(raw, &status), string(raw))
	for _, c := range status.Conditions {
		assert.False(t, c.Type == "" || c.Reason == "" || c.LastTransitionTime.IsZero(), "a condition that an API server refuses: %v", c)
	}
	seen := make(map[string]bool)
	for _, c := range status.Clusters {
		assert.False(t, seen[c.Host+" "+c.GeoTag], "an element twice")
		seen[c.Host+" "+c.GeoTag] = true
	}
}
