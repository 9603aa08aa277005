// SPDX-License-Identifier: Apache-2.0

package update

import (
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
)

// grant is what a key may change.
type grant struct {
	challenges bool        // names that begin with [ChallengeLabel]
	scopes     []gslb.Name // and these, and what lies below them
}

// allows reports that TXT records of a name may be changed. Names of the exchange
// between clusters never may.
func (g *grant) allows(name gslb.Name) bool {
	labels := name.Labels()
	if slices.Contains(labels, gslb.ReportLabel) {
		return false
	}
	return g.challenges && labels[0] == ChallengeLabel ||
		slices.ContainsFunc(g.scopes, name.In)
}
