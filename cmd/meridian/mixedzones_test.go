// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMixedZonesPageNamesWhatExists(t *testing.T) {
	b, err := os.ReadFile("../../docs/mixed-zones.md")
	require.NoError(t, err)
	named := namedTest.FindAllStringSubmatch(string(b), -1)
	assert.Greater(t, len(named), 10)
	for _, m := range named {
		assert.True(t, testsIn(t, m[1])[m[2]], "no test %s in folder %s", m[2], m[1])
	}
}
