// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// worldCondition begins a condition that tells of the World; its Reason is empty for a
// zone that is not ours.
func worldCondition(kind string, own *translate.Zone) metav1.Condition {
	c := metav1.Condition{Type: kind, Status: metav1.ConditionTrue}
	if own != nil {
		c.Reason = kind
	}
	return c
}

// clock writes a moment so that it says the same until it is another: never an age.
func clock(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }

// cutOff says what it means that this cluster is isolated.
func cutOff(w *gslb.World) string {
	if w.KeepsAnswers() {
		return "this cluster is probably cut off and keeps its last good answers until " + clock(w.IsolatedUntil)
	}
	return "this cluster is probably cut off; it kept its last good answers until " + clock(w.IsolatedUntil)
}

// letThrough says how what a guard holds is let go.
const letThrough = "if it is meant, annotate the ZoneDelegation with " + gslbv1beta1.AnnotationAllowMassRemoval + "=true"

// whereRemoved says where that is to be done.
const whereRemoved = " in the cluster where they were removed"

// upToDate is condition UpToDate: whether something older than what is known is answered
// on purpose. The first that holds gives the reason; the message tells all.
//
//	in the World or here                          | status | reason
//	this cluster cannot read its objects          | False  | Blind
//	Gslbs or hosts vanished in a mass, and stay   | False  | RemovalsHeld
//	probes fail in a mass, and nobody confirms it | False  | ProbesHeld
//	the saved world was set aside at the start    | True   | SavedWorldLost
//	–                                             | True   | UpToDate
func (in *zoneInput) upToDate(own *translate.Zone) metav1.Condition {
	c := worldCondition(gslbv1beta1.ConditionUpToDate, own)
	if c.Reason == "" {
		return c
	}
	var said []string
	tell := func(reason, message string, args ...any) {
		if len(said) == 0 {
			c.Status, c.Reason = metav1.ConditionFalse, reason
		}
		said = append(said, fmt.Sprintf(message, args...))
	}
	if at := in.world.Local.Blind; !at.IsZero() {
		tell(gslbv1beta1.ReasonBlind, "this cluster has not been able to read its objects since %s and keeps what it knew", clock(at))
	}
	if in.held.gslbs > 0 {
		tell(gslbv1beta1.ReasonRemovalsHeld, "%d Gslbs vanished together while the API was read anew; what they offered is kept until %s: restore them; %s",
			in.held.gslbs, clock(in.held.until), letThrough)
	}
	for _, h := range in.world.Held {
		tell(gslbv1beta1.ReasonRemovalsHeld, "%d hosts of cluster %s vanished together; what was offered for them is kept until %s: restore them; %s", h.Hosts, h.Cluster, clock(h.Until), letThrough+whereRemoved)
	}
	if p := in.world.ProbesHeld; p.Hosts > 0 {
		tell(gslbv1beta1.ReasonProbesHeld, "the probes of %d hosts failed together while readiness says up, and nobody else confirms it; they stay healthy until %s: see whether probes can leave this Pod; %s",
			p.Hosts, clock(p.Until), letThrough)
	}
	if c.Message = strings.Join(said, "; "); len(said) == 0 {
		c.Message = "what is known is answered; no guard keeps something older"
		if in.lost {
			c.Reason = gslbv1beta1.ReasonSavedWorldLost
			c.Message = "the world saved before the last start could not be used: it was set aside as world.bad in the state folder, and this process began without it; the log says why"
		}
	}
	return c
}

// peersHeard is condition PeersHeard. A cluster in doubt counts as heard: a second and a
// half later it is vouched for or lost.
//
//	some peer is lost | some is vouched for | some is heard and not read | status | reason
//	yes               | any                 | any                        | False  | PeerLost
//	no                | yes                 | any                        | False  | PeerVouched
//	no                | no                  | yes                        | False  | PeerUnread
//	no                | no                  | no                         | True   | PeersHeard
//	there is none     | –                   | –                          | True   | NoPeers
func (in *zoneInput) peersHeard(own *translate.Zone) metav1.Condition {
	c := worldCondition(gslbv1beta1.ConditionPeersHeard, own)
	if c.Reason == "" {
		return c
	}
	var lost, vouched, unread, heard []string
	for i := range in.world.Clusters {
		switch p := &in.world.Clusters[i]; p.Liveness {
		case gslb.Lost:
			lost = append(lost, fmt.Sprintf("cluster %s has been silent and nobody has vouched for it since %s: its addresses are the last resort", p.Tag, clock(p.Since)))
		case gslb.Vouched:
			vouched = append(vouched, fmt.Sprintf("cluster %s has been silent since %s, but %s: its addresses stay", p.Tag, clock(p.Since), vouches(p.Witness)))
		case gslb.Fresh, gslb.Doubtful:
			if !p.Unread.IsZero() {
				unread = append(unread, fmt.Sprintf("cluster %s calls this one, but its report has not been readable since %s: what it said last counts; let this cluster connect to TCP port 53 of its name servers", p.Tag, clock(p.Unread)))
				continue
			}
			heard = append(heard, string(p.Tag))
		case gslb.Self, gslb.Unheard, gslb.Left:
		}
	}
	said := slices.Concat(lost, vouched, unread)
	switch {
	case len(lost) > 0:
		c.Status, c.Reason = metav1.ConditionFalse, gslbv1beta1.ReasonPeerLost
	case len(vouched) > 0:
		c.Status, c.Reason = metav1.ConditionFalse, gslbv1beta1.ReasonPeerVouched
	case len(unread) > 0:
		c.Status, c.Reason = metav1.ConditionFalse, gslbv1beta1.ReasonPeerUnread
	case len(heard) > 0:
		said = []string{"heard: " + strings.Join(heard, ", ")}
	default:
		c.Reason = gslbv1beta1.ReasonNoPeers
		said = []string{"this cluster knows no other"}
	}
	c.Message = strings.Join(said, "; ")
	return c
}

// clientsVisible is condition ClientsVisible: whether limits by the address of a client
// can be kept. It is not there while that is not known.
func (in *zoneInput) clientsVisible(own *translate.Zone) metav1.Condition {
	c := worldCondition(gslbv1beta1.ConditionClientsVisible, own)
	if c.Reason == "" || in.clients == clientsUnknown {
		c.Reason = ""
		return c
	}
	c.Message = "messages come from the addresses of clients; limits by address are in force"
	if in.clients == clientsHidden {
		c.Status, c.Reason = metav1.ConditionFalse, gslbv1beta1.ReasonClientsHidden
		c.Message = "a load balancer or node hides the addresses of clients, so limits by address are off: give the Service of this name server externalTrafficPolicy: Local"
	}
	return c
}

// worldConditionNews are the conditions of a ZoneDelegation whose reasons are news when
// they come, and what is told when none of them holds any more.
var worldConditionNews = []struct {
	condition string
	bad       []string
	over      string
}{
	{gslbv1beta1.ConditionUpToDate, []string{gslbv1beta1.ReasonRemovalsHeld, gslbv1beta1.ReasonProbesHeld}, gslbv1beta1.EventUpToDate},
	{gslbv1beta1.ConditionClientsVisible, []string{gslbv1beta1.ReasonClientsHidden}, gslbv1beta1.EventClientsVisible},
}

// worldConditionEvents tells of guards that hold, and of hidden clients: once when it
// begins or is of another kind, and once when it ends.
func worldConditionEvents(old, next []metav1.Condition) []happening {
	var all []happening
	for _, n := range worldConditionNews {
		reason := func(conditions []metav1.Condition) (string, string) {
			c := meta.FindStatusCondition(conditions, n.condition)
			if c == nil {
				return "", ""
			}
			for _, r := range n.bad {
				if c.Reason == r {
					return r, c.Message
				}
			}
			return "", c.Message
		}
		was, _ := reason(old)
		is, message := reason(next)
		switch {
		case is == was:
		case is != "":
			all = append(all, warning(is, message))
		default:
			all = append(all, normal(n.over, message))
		}
	}
	return all
}

// Whether the addresses of clients are seen. The zero value: nobody can tell yet.
const (
	clientsUnknown int32 = iota
	clientsSeen
	clientsHidden
)

// heldGslbs is what the guard of the collector keeps.
type heldGslbs struct {
	gslbs int
	until time.Time
}

// heldDiffers reports that guards hold something else.
func heldDiffers(a, b *gslb.World) bool {
	if len(a.Held) != len(b.Held) || a.ProbesHeld != b.ProbesHeld {
		return true
	}
	for i := range b.Held {
		if a.Held[i] != b.Held[i] {
			return true
		}
	}
	return false
}
