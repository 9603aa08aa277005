// SPDX-License-Identifier: Apache-2.0

package strategies

import "github.com/meridian-gslb/meridian/gslb"

// weighted gives the addresses of one cluster, drawn with probability
// weight/Σweights among those that can serve. A cluster without a weight has 0.
//
//	can serve | weights    | answers
//	eu, us    | eu 1, us 3 | eu in 1 of 4, us in 3 of 4
//	eu, us    | eu 1, us 0 | eu always
//	us        | eu 1, us 0 | us always: nothing else is left
//	eu, us    | eu 0, us 0 | either, equally
//
// Clusters that share an address are drawn for it once, with the greater weight.
func weighted(p *gslb.Policy, usable []cluster, d *Decision) {
	d.Answers = heaviestOwners(p, usable)
	d.Reason = gslb.ReasonWeighted
}
