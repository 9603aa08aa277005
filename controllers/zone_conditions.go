// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"slices"

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
		c.Message = fmt.Sprintf("the edge zone could not be read since the start, and no other cluster has called: which there are is not known, so until %s names that this cluster does not know get SERVFAIL; --peers and --state-dir do without the edge zone",
			in.world.Unsought.UTC().Format("15:04:05 UTC"))
	default:
		c.Message = "a peer, the edge zone or an anchor is heard, or there is nothing outside to measure by"
	}
	return c
}
