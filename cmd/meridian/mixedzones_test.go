// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMixedZonesPageNamesWhatExists(t *testing.T) {
	for _, page := range []string{"mixed-zones.md", "k8gb.md"} {
		b, err := os.ReadFile("../../docs/" + page)
		require.NoError(t, err)
		named := namedTest.FindAllStringSubmatch(string(b), -1)
		assert.Greater(t, len(named), 10)
		for _, m := range named {
			assert.True(t, testsIn(t, m[1])[m[2]], "%s: no test %s in folder %s", page, m[2], m[1])
		}
	}
}
