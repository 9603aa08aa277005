// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/meridian-gslb/meridian/edge"
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

// run passes changes on to the exchange, and to whoever reads Changed.
func (d *delegation) run(ctx context.Context, x *exchange) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.Keeper.Changed():
			x.DelegationChanged()
			select {
			case d.changed <- struct{}{}:
			default:
			}
		}
	}
}
