// SPDX-License-Identifier: Apache-2.0

package dnsserver

import "time"

// Pace is what decides when a socket is left alone for a moment.
type Pace struct{ pace }

// NewPace gives one of a socket that was never read.
func NewPace() *Pace { return &Pace{} }

// Lingers decides before a read.
func (p *Pace) Lingers(last int, now func() time.Time) bool { return p.lingers(last, now) }

// Empty notes that there was nothing to read.
func (p *Pace) Empty() { p.empty() }
