// SPDX-License-Identifier: Apache-2.0

package rdata

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheExamplesAreGood(t *testing.T) {
	for rrtype, f := range formats {
		_, err := Canonical(rrtype, f.example)
		assert.NoError(t, err, TypeName(rrtype))
	}
}
