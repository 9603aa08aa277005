// SPDX-License-Identifier: Apache-2.0

package world_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/terratest/world"
)

func TestBinomialBounds(t *testing.T) {
	for _, c := range []struct {
		why    string
		n      int
		p      float64
		alarm  float64
		lo, hi int
	}{
		{"never and always", 100, 0, 1e-6, 0, 0},
		{"always", 100, 1, 1e-6, 100, 100},
		{"a fair coin, ten times: 0 and 10 have 1/1024 each", 10, 0.5, 0.002, 1, 9},
		{"the same, but an alarm may not come so often", 10, 0.5, 0.0019, 0, 10},
		{"one draw says nothing", 1, 0.5, 0.5, 0, 1},
	} {
		lo, hi := world.Binomial(c.n, c.p, c.alarm)
		assert.Equal(t, [2]int{c.lo, c.hi}, [2]int{lo, hi}, c.why)
	}
}

// TestBinomialCatchesWrongWeights: the bounds hold right counts and refuse those
// of a server that ignores the weights.
func TestBinomialCatchesWrongWeights(t *testing.T) {
	const n = 600
	r := rand.New(rand.NewPCG(1, 2))
	lo, hi := world.Binomial(n, 0.75, world.FalseAlarm)
	for range 1000 {
		right := 0
		for range n {
			if r.Float64() < 0.75 {
				right++
			}
		}
		assert.GreaterOrEqual(t, right, lo)
		assert.LessOrEqual(t, right, hi)
	}
	assert.Less(t, n/2, lo, "drawing evenly is noticed")
	assert.Greater(t, n, hi, "drawing one only is noticed")
}
