// SPDX-License-Identifier: Apache-2.0

package probe

import corev1 "k8s.io/api/core/v1"

// A Threshold turns single results into a state that does not flap:
//
//	state      result   effect
//	not ready  success  ready after successThreshold of them in a row
//	not ready  failure  the row of successes starts again
//	ready      failure  not ready after failureThreshold of them in a row
//	ready      success  the row of failures starts again
//
// It starts as not ready. It is not safe for concurrent use.
type Threshold struct {
	success, failure int
	ready            bool
	row              int // results in a row that speak against the state
}

// NewThreshold returns the threshold of a probe; zero fields have the API's
// defaults, one success and three failures.
func NewThreshold(spec *corev1.Probe) *Threshold {
	t := &Threshold{success: int(spec.SuccessThreshold), failure: int(spec.FailureThreshold)}
	if t.success <= 0 {
		t.success = 1
	}
	if t.failure <= 0 {
		t.failure = 3
	}
	return t
}

// Add counts a result, and returns the state after it and whether it is new.
func (t *Threshold) Add(success bool) (ready, changed bool) {
	if success == t.ready {
		t.row = 0
		return t.ready, false
	}
	t.row++
	need := t.failure
	if success {
		need = t.success
	}
	if t.row < need {
		return t.ready, false
	}
	t.ready, t.row = success, 0
	return t.ready, true
}
