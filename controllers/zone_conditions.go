// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/edge/delegation"
)

// passing reports that a condition goes away when there is nothing to tell: static
// records that are no more, or what holds of a zone that is not ours. The others keep
// what they told last.
func passing(kind string, ours bool) bool {
	switch kind {
	case gslbv1beta1.ConditionRecordsServed:
		return true
	case gslbv1beta1.ConditionDelegationWorks, gslbv1beta1.ConditionConnected, gslbv1beta1.ConditionUpToDate,
		gslbv1beta1.ConditionPeersHeard, gslbv1beta1.ConditionClientsVisible:
		return !ours
	}
	return false
}

// works is condition DelegationWorks, as the delegation was found from outside. Its
// Reason is empty while there is nothing to tell.
func (in *zoneInput) works(own *translate.Zone) metav1.Condition {
	c := metav1.Condition{Type: gslbv1beta1.ConditionDelegationWorks}
	if own == nil {
		return c
	}
	i := slices.IndexFunc(in.checks, func(s delegation.Status) bool { return s.Zone == own.Zone })
	if i < 0 || in.checks[i].Reason == delegation.ReasonPending {
		return c
	}
	s := &in.checks[i]
	c.Reason, c.Message = string(s.Reason), s.Message
	switch s.State {
	case delegation.Works:
		c.Status = metav1.ConditionTrue
	case delegation.Broken:
		c.Status = metav1.ConditionFalse
	case delegation.Unknown:
		c.Status = metav1.ConditionUnknown
	}
	return c
}

// connected is condition Connected: whether this cluster is the one cut off.
func (in *zoneInput) connected(own *translate.Zone) metav1.Condition {
	c := metav1.Condition{Type: gslbv1beta1.ConditionConnected, Status: metav1.ConditionTrue, Reason: gslbv1beta1.ReasonConnected}
	switch {
	case own == nil:
		c.Reason = ""
	case !in.world.Isolated.IsZero():
		c.Status, c.Reason = metav1.ConditionFalse, gslbv1beta1.ReasonIsolated
		c.Message = fmt.Sprintf("neither a peer, nor the edge zone, nor an anchor has answered since %s: %s (splitBrainThresholdSeconds)",
			in.world.Isolated.UTC().Format("15:04:05 UTC"), cutOff(in.world))
	case !in.world.Unsought.IsZero():
		c.Status, c.Reason = metav1.ConditionFalse, gslbv1beta1.ReasonPeersUnknown
		c.Message = fmt.Sprintf("the edge zone could not be read since the start, and no other cluster has called: nobody knows which others there are, so names that this cluster does not know get SERVFAIL until %s; with --peers and --state-dir a start does not need the edge zone",
			in.world.Unsought.UTC().Format("15:04:05 UTC"))
	default:
		c.Message = "a peer, the edge zone or an anchor is heard, or there is nothing outside to measure by"
	}
	return c
}

// accepted adds what only the World knows to condition Accepted.
func (in *zoneInput) accepted() metav1.Condition {
	c, known := in.zones.Conditions[in.zd.Name]
	if !known {
		return metav1.Condition{Type: gslbv1beta1.ConditionAccepted} // not translated yet
	}
	if c.Status != metav1.ConditionTrue {
		return c
	}
	if us := in.world.Cluster(in.world.Self); us != nil && us.Conflict != "" {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, gslbv1beta1.ReasonGeoTagConflicted, us.Conflict
		return c
	}
	return c
}

// delegated is condition Delegated, as the edge zone was read back. Its Reason is empty
// while there is nothing to tell.
func (in *zoneInput) delegated(own *translate.Zone) metav1.Condition {
	c := metav1.Condition{Type: gslbv1beta1.ConditionDelegated, Status: metav1.ConditionFalse}
	if own == nil {
		if _, known := in.zones.Conditions[in.zd.Name]; known {
			c.Reason, c.Message = gslbv1beta1.ReasonNotAccepted, "condition Accepted says why"
		}
		return c
	}
	i := slices.IndexFunc(in.edge, func(s edge.ZoneStatus) bool { return s.Zone == own.Zone })
	if i < 0 {
		if len(in.edge) == 0 && slices.ContainsFunc(in.zones.Zones, func(z translate.Zone) bool { return z.Zone == own.EdgeZone }) {
			c.Status, c.Reason, c.Message = metav1.ConditionTrue, gslbv1beta1.ReasonServedByOwnZone, edge.ServedByOwnZone(own.Zone, own.EdgeZone)
		} else if len(in.edge) == 0 {
			c.Reason, c.Message = gslbv1beta1.ReasonNoEdge, fmt.Sprintf("no way to write to the edge zone %s is configured; keep these records there: %s", own.EdgeZone, delegationLines(in.world.Self, own))
		}
		return c
	}
	switch s := &in.edge[i]; s.Reason {
	case edge.ReasonPending:
	case edge.ReasonDelegated:
		var names []string
		for _, ns := range s.NameServers {
			names = append(names, ns.Name.String())
		}
		c.Status, c.Reason = metav1.ConditionTrue, gslbv1beta1.ReasonDelegated
		c.Message = fmt.Sprintf("%s delegates the zone to %s", own.EdgeZone, strings.Join(names, ", "))
		if s.Message != "" {
			c.Message += "; " + s.Message
		}
	case edge.ReasonServedByOwnZone:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, gslbv1beta1.ReasonServedByOwnZone, s.Message
	case edge.ReasonInvalidName:
		c.Reason, c.Message = gslbv1beta1.ReasonInvalidSpec, s.Message
	default: // the words of the other reasons are the condition's
		c.Reason, c.Message = string(s.Reason), s.Message
		if s.RCODE != "" && !strings.Contains(s.Message, s.RCODE) {
			c.Message += " (" + s.RCODE + ")"
		}
	}
	return c
}

// delegationLines says which records the edge zone needs, for those who keep it by hand.
func delegationLines(self gslb.GeoTag, z *translate.Zone) string {
	name, err := gslb.NameServerName(self, z.Zone, z.EdgeZone)
	if err != nil {
		return err.Error()
	}
	lines := []string{fmt.Sprintf("%s NS %s", z.Zone.FQDN(), name.FQDN())}
	for _, a := range z.Addrs {
		kind := "A"
		if a.Is6() {
			kind = "AAAA"
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", name.FQDN(), kind, a))
	}
	return strings.Join(lines, ", ")
}
