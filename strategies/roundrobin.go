// SPDX-License-Identifier: Apache-2.0

package strategies

import "github.com/meridian-gslb/meridian/gslb"

// roundRobin gives all addresses of all clusters that can serve; the server
// starts at a different one each time.
//
//	can serve | answer
//	eu, us    | addresses of eu and us
//	eu        | addresses of eu
func roundRobin(usable []cluster, d *Decision) {
	d.Answers = []Answer{together(usable)}
	d.Reason = gslb.ReasonAllHealthy
}
