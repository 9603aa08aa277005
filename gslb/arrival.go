// SPDX-License-Identifier: Apache-2.0

package gslb

import "time"

// Input says where an input of the model comes from.
type Input uint8

// The inputs whose way to the answers is timed.
const (
	LocalInput Input = iota // objects and zones of this cluster
	PeerInput               // reports of other clusters
	ProbeInput              // verdicts of our probes
	inputs
)

var inputNames = [inputs]string{"local", "peer", "probe"}

// String gives the word used in metrics.
func (i Input) String() string { return inputNames[i] }

// Arrivals holds, for each Input, when the oldest of the inputs that a World is
// the first to hold arrived here; the zero time: it holds no new one. Many inputs
// can go into one World, and the one that waited longest tells how long that
// took. Inputs that change neither a host nor a zone leave no trace.
type Arrivals [inputs]time.Time

// note keeps the older one.
func (a *Arrivals) note(i Input, at time.Time) {
	if a[i].IsZero() || at.Before(a[i]) {
		a[i] = at
	}
}

// Join takes over what is older in b.
func (a *Arrivals) Join(b Arrivals) {
	for i, at := range b {
		if !at.IsZero() {
			a.note(Input(i), at)
		}
	}
}
