// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"net/netip"
	"slices"
)

// noteAdded remembers what glue this process added: it was not there before, so it is
// no other cluster's.
func (d *delegator) noteAdded(want Delegation, c Change) {
	for _, r := range c.Add {
		if r.Name == want.NameServer && r.Type != TypeNS {
			d.added[want.Zone] = append(d.added[want.Zone], r)
		}
	}
}

// retract takes away the glue that this process added, once it is known that another
// cluster had our geo tag before us. Glue of others stays, and some has to: the name
// server is theirs too. What fails is done at the next look.
func (d *delegator) retract(ctx context.Context, want Delegation) {
	if len(d.added[want.Zone]) == 0 || !d.claim.isNewcomer() {
		return
	}
	have, err := d.read(ctx, want, "")
	if err != nil {
		return
	}
	c := Change{Zone: want.EdgeZone}
	for _, r := range d.added[want.Zone] {
		if a, err := netip.ParseAddr(r.Data); err == nil && slices.Contains(have.glue, a) {
			c.Remove = append(c.Remove, glueRecord(want.NameServer, a, 0))
		}
	}
	if len(c.Remove) == len(have.glue) && len(have.glue) > 0 {
		return
	}
	if !c.Empty() {
		server, err := d.k.Publisher.Update(ctx, c)
		if err != nil {
			return
		}
		d.k.Log.Info("glue taken back from a name server of another cluster", "zone", want.Zone, "edge", want.EdgeZone,
			"server", server, "removed", len(c.Remove))
	}
	delete(d.added, want.Zone)
	delete(d.right, want.Zone)
}
