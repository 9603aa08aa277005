// SPDX-License-Identifier: Apache-2.0

package strategies

import (
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
)

// failover gives the addresses of the cluster that comes first.
//
//	failoverOrder | primary | can serve | answer
//	eu, us        | –       | us, ap    | us: first of the list
//	eu, us        | –       | ap, sa    | ap and sa: not listed, so last and together
//	–             | eu      | eu, us    | eu
//	–             | eu      | us, ap    | us and ap: all others together
func failover(p *gslb.Policy, usable []cluster, d *Decision) {
	order, found, exhausted := p.FailoverOrder, gslb.ReasonInOrder, gslb.ReasonUnlisted
	if len(order) == 0 {
		order, found, exhausted = []gslb.GeoTag{p.Primary}, gslb.ReasonPrimary, gslb.ReasonPrimaryDown
	}
	for _, tag := range order {
		if i := slices.IndexFunc(usable, func(c cluster) bool { return c.tag == tag }); i >= 0 {
			d.Answers, d.Reason = []Answer{together(usable[i : i+1])}, found
			return
		}
	}
	d.Answers, d.Reason = []Answer{together(usable)}, exhausted
}
