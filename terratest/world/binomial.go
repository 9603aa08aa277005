// SPDX-License-Identifier: Apache-2.0

package world

import "math"

// FalseAlarm is the probability with which a count that is as it should be falls
// outside of Binomial's bounds.
const FalseAlarm = 1e-6

// Binomial gives bounds for the number of successes in n independent draws, each
// with probability p: it lies below lo or above hi with at most the probability
// alarm, half of it on either side. The bounds are exact (sums of the
// distribution), not those of the normal curve.
func Binomial(n int, p, alarm float64) (lo, hi int) {
	if p <= 0 {
		return 0, 0
	}
	if p >= 1 {
		return n, n
	}
	mass := func(k int) float64 {
		chooses := lgamma(n+1) - lgamma(k+1) - lgamma(n-k+1)
		return math.Exp(chooses + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
	}
	for below := mass(0); below <= alarm/2; below += mass(lo) {
		lo++
	}
	hi = n
	for above := mass(n); above <= alarm/2; above += mass(hi) {
		hi--
	}
	return lo, hi
}

func lgamma(n int) float64 {
	v, _ := math.Lgamma(float64(n)) // positive: the sign is +
	return v
}
