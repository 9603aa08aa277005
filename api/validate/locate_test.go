// SPDX-License-Identifier: Apache-2.0

package validate_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/api/validate"
)

func TestLineOf(t *testing.T) {
	data := []byte(`# a comment
kind: A
spec:
  rules:
  - host: one
  - host: two
---
kind: List
items:
- kind: B
  spec: {host: three}
- kind: C
  metadata:
    annotations:
      gslb.meridian.dev/override: drain
`)
	for _, c := range []struct {
		why    string
		object int
		path   string
		want   int
	}{
		{"a field of the first document", 2, "spec.rules[1].host", 6},
		{"a field that is missing has the line of what is around it", 2, "spec.rules[0].http", 5},
		{"an item of a list", 10, "spec.host", 11},
		{"keys that contain dots", 12, "metadata.annotations[gslb.meridian.dev/override]", 15},
		{"no object begins there", 4, "spec.rules", 4},
		{"the object itself", 8, "", 8},
	} {
		assert.Equal(t, c.want, validate.LineOf(data, c.object, c.path), c.why)
	}
	assert.Equal(t, 7, validate.LineOf([]byte("a: [\n"), 7, "a"), "not YAML")
}
