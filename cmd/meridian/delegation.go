// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/meridian-gslb/meridian/edge"
	edgecheck "github.com/meridian-gslb/meridian/edge/delegation"
)

// delegation is the edge's keeper with a second listener: a change of our own
// delegation is the moment to look for those of the others (agreement.md §3),
// since of two clusters that start at once the later one sees the earlier.
type delegation struct {
	*edge.Keeper
	changed chan struct{} // one place
}

// Changed gets a value after some status changed.
func (d *delegation) Changed() <-chan struct{} { return d.changed }

// run passes changes on to the exchange, to the check of delegations (nil: none), and
// to whoever reads Changed.
func (d *delegation) run(ctx context.Context, x *exchange, checks *edgecheck.Checker) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.Keeper.Changed():
			x.DelegationChanged()
			if checks != nil {
				checks.Look()
			}
			select {
			case d.changed <- struct{}{}:
			default:
			}
		}
	}
}
