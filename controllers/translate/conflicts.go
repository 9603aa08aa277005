// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"strings"

	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// ConflictSentence says why a record set is not served.
func ConflictSentence(c *gslb.RecordConflict) string {
	return fmt.Sprintf("%s %s: %s", c.Name, rdata.TypeName(c.Type), conflictReason(c))
}

// ConflictText says why a record set is not served, and which clusters state it.
func ConflictText(c *gslb.RecordConflict) string {
	clusters := make([]string, len(c.Clusters))
	for i, t := range c.Clusters {
		clusters[i] = string(t)
	}
	return fmt.Sprintf("%s (stated by %s)", ConflictSentence(c), strings.Join(clusters, ", "))
}

func conflictReason(c *gslb.RecordConflict) string {
	switch c.Reason {
	case gslb.ConflictOutside:
		if c.With.IsZero() {
			return "the name lies in none of the zones"
		}
		return "the name lies in zone " + c.With.String() + ": state it there"
	case gslb.ConflictReserved:
		return "the label " + gslb.ReportLabel + " is kept for the exchange between clusters"
	case gslb.ConflictType:
		return "no records of this type can be served"
	case gslb.ConflictApex:
		return "at the zone's own name NS is Meridian's, DS stands in the parent zone, and a CNAME cannot stand beside those"
	case gslb.ConflictHost:
		return "it is a balanced host, whose addresses are served"
	case gslb.ConflictAboveHost:
		return "the delegation would hide the balanced host " + c.With.String()
	case gslb.ConflictWildcard:
		return "a wildcard cannot be delegated: delegate the name itself"
	case gslb.ConflictDelegated:
		return "the name is delegated at " + c.With.String() + ", where only NS, DS and addresses of name servers are served"
	case gslb.ConflictDS:
		return "DS stands beside the NS of a delegation, and there are none"
	case gslb.ConflictCNAME:
		return "the name has other records, which are served; a CNAME stands alone"
	case gslb.ConflictTwoTargets:
		return "a CNAME has one target; that of the first cluster by geo tag is served"
	case gslb.ConflictSize:
		return "all clusters together state more than fits in an answer"
	}
	return string(c.Reason)
}
