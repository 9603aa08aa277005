// SPDX-License-Identifier: Apache-2.0

package delegation

import (
	"context"
	"fmt"
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
)

// obstacle is why the servers of an edge zone that is ours cannot be asked.
type obstacle struct {
	reason Reason
	text   string
}

// Error says it for people.
func (o *obstacle) Error() string { return o.text }

// ownServers gives the servers of a zone of ours below which another one lies: those to
// which a resolver comes from its edge zone down. They answer for the inner zone
// themselves, without a referral.
func (c *Checker) ownServers(ctx context.Context, w *gslb.World, outer *gslb.Zone) ([]string, error) {
	views, err := c.parents(ctx, w, outer)
	if err != nil {
		return nil, err
	}
	ref := reference(views)
	if ref == nil {
		return nil, &obstacle{ReasonEdgeUnreachable, "no server of the edge zone " + outer.EdgeZone.String() + " can be asked: " + problems(views)}
	}
	if len(ref.set) == 0 {
		return nil, &obstacle{ReasonNotDelegated, fmt.Sprintf("%s delegates %s, in which the zone lies, to nobody", outer.EdgeZone, outer.Zone)}
	}
	var servers []string
	for _, ns := range ref.set {
		addrs := ns.Addrs
		if !ns.Name.In(outer.EdgeZone) {
			addrs = c.resolve(ctx, ns.Name)
		}
		for _, a := range addrs[:min(len(addrs), maxAddrs)] {
			servers = append(servers, c.at(a))
		}
	}
	if len(servers) == 0 {
		return nil, &obstacle{ReasonEdgeUnreachable, fmt.Sprintf("no name server of %s, in which the zone lies, has an address", outer.Zone)}
	}
	slices.Sort(servers)
	return slices.Compact(servers), nil
}
