// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"strings"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// entrySentence says in a sentence why an entry is in or out.
func entrySentence(r gslb.Reason) string {
	switch r {
	case gslb.ReasonReady:
		return "backends are ready"
	case gslb.ReasonProbeUp:
		return "the probe succeeds"
	case gslb.ReasonForced:
		return "counted as healthy by hand"
	case gslb.ReasonDrained:
		return "taken out by hand"
	case gslb.ReasonNotReady:
		return "no backend in the cluster is ready"
	case gslb.ReasonEntryNotReady:
		return "no pod of the ingress controller or gateway at the entry is ready"
	case gslb.ReasonNotProgrammed:
		return "its gateway says that nothing listens at the entry"
	case gslb.ReasonGateNotReady:
		return "a readiness gate is not True"
	case gslb.ReasonSharedAddress:
		return "another cluster that offers the same address can serve"
	case gslb.ReasonNoSlices:
		return "the Services behind the host have no EndpointSlice, as if it had been deleted"
	case gslb.ReasonServiceNotFound:
		return "a Service behind the host does not exist"
	case gslb.ReasonAddressUnknown:
		return "it has no address for the host yet"
	case gslb.ReasonProbeDown:
		return "backends are ready, but the probe fails"
	case gslb.ReasonDraining:
		return "its object does not have the address any more; it still serves, and stays for the TTL"
	case gslb.ReasonWithdrawn:
		return "its object does not have the address any more, and it does not answer"
	case gslb.ReasonProbesHeld:
		return "the probes of most hosts of the cluster fail at once and nobody confirms it, so it counts as healthy as before"
	case gslb.ReasonReturning:
		return "healthy again, and waits for returnDelaySeconds before it counts"
	case gslb.ReasonFlapping:
		return "healthy again, and waits before it counts because it was unhealthy several times within a minute"
	case gslb.ReasonProbePending:
		return "no probe has finished yet"
	case gslb.ReasonUnresolved:
		return "its load balancer has a host name that is not resolved yet"
	case gslb.ReasonForeignNamespace:
		return "an object of another namespace claimed the host before, so this is shown and not answered"
	case gslb.ReasonClusterLost:
		return "the cluster is silent and nobody vouches for it; its addresses are the last resort"
	case gslb.ReasonClusterLeft:
		return "the cluster said goodbye"
	default:
		return "nobody can tell"
	}
}

// partMessage says what is to be known of one cluster's offer.
func partMessage(c *gslb.Cluster, p *gslb.Part, why gslb.Reason) string {
	said := entrySentence(why) + waitsUntil(p, why)
	if p.Held {
		said += "; the cluster does not offer the host any more, but many vanished together, so what it offered is kept for a while"
	}
	if c != nil && c.K8gb {
		said += "; the cluster runs k8gb, so nothing of it is signed"
	}
	switch {
	case c == nil:
		return said
	case c.Conflict != "":
		return said + "; " + c.Conflict
	case p.Liveness == gslb.Vouched:
		return said + "; the cluster is silent, " + vouches(c.Witness)
	case p.Checked:
		return said + "; the cluster is silent, its entry answers for this host"
	case p.Liveness == gslb.Doubtful:
		return said + "; the cluster is silent, and witnesses are being asked"
	case p.Liveness == gslb.Unheard:
		return said + "; the cluster has not been heard yet"
	}
	return said
}

// waitsUntil says when an entry that waits counts, where that is known.
func waitsUntil(p *gslb.Part, why gslb.Reason) string {
	if why != gslb.ReasonReturning && why != gslb.ReasonFlapping {
		return ""
	}
	for i := range p.Entries {
		if c := &p.Entries[i]; c.Reason == why && !c.Until.IsZero() {
			return ", from " + clock(c.Until) + " on"
		}
	}
	for i := range p.Offer.Entries {
		if e := &p.Offer.Entries[i]; e.Reason == why && !e.Until.IsZero() {
			return ", from " + clock(e.Until) + " on"
		}
	}
	return ""
}

func vouches(w gslb.Witness) string {
	switch w.Kind {
	case gslb.ThirdCluster:
		return fmt.Sprintf("cluster %s hears it", w.By)
	case gslb.Heartbeat:
		return "its heartbeat at the edge goes on"
	case gslb.EntryAnswered:
		return "its entry answers"
	case gslb.SignedBadTime:
		return "it answers with a clock that differs"
	case gslb.BadSignature:
		return "it answers with a key that differs"
	case gslb.Announced:
		return "it announced a restart"
	case gslb.Isolation:
		return "but so is everything outside: this cluster is cut off itself"
	case gslb.NoSighting, gslb.Heard, gslb.OutsideSeen, gslb.HeldAnswered, gslb.HeldSilent, gslb.ReportRead:
	}
	return "a witness holds"
}

// answerMessage says why a host is answered as it is.
func answerMessage(h *gslb.Host, d *strategies.Decision) string {
	var clusters []string
	for _, a := range d.Answers {
		clusters = append(clusters, tagTexts(a.Clusters)...)
	}
	who := strings.Join(clusters, ", ")
	switch d.Reason {
	case gslb.ReasonAllHealthy:
		return "every cluster that can serve: " + who
	case gslb.ReasonWeighted:
		return "drawn by weight among those that can serve: " + who
	case gslb.ReasonPrimary:
		return "the primary can serve: " + who
	case gslb.ReasonPrimaryDown:
		return fmt.Sprintf("the primary %s cannot serve; all others together: %s", h.Policy.Primary, who)
	case gslb.ReasonInOrder:
		return "the first of failoverOrder that can serve: " + who
	case gslb.ReasonUnlisted:
		return "no cluster of failoverOrder can serve; those not listed, together: " + who
	case gslb.ReasonUnknownHealth:
		return "no cluster is known to be healthy; those whose health is unknown: " + who
	case gslb.ReasonLastResort:
		return "no cluster that is heard can serve; lost ones, as they were last reported: " + who
	case gslb.ReasonEmpty:
		return "no cluster can serve: no address is answered"
	case gslb.ReasonLastHealthy:
		return "no cluster can serve: the addresses that were healthy last"
	case gslb.ReasonAllOffered:
		return "no cluster can serve: every address that is offered"
	case gslb.ReasonFallback:
		return "no cluster can serve: fallbackAddresses"
	case gslb.ReasonStrategyPending:
		return "geoip is not built yet: every cluster that can serve, as with roundRobin: " + who
	default:
		return "" // why an entry is in or out is no reason of an answer
	}
}
