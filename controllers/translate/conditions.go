// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// condition sums findings up, for an object. Bad ones make it False and are told first; the first
// with another reason than the condition's own, which is that of nothing special, gives the reason.
//
//	bad findings | notes                     | status | reason                        | message
//	some         | any                       | False  | of the first bad              | bad ones, then notes
//	none         | one with another reason   | True   | of the first of those         | notes
//	none         | all with the own reason   | True   | the condition's own           | notes
//	none         | none                      | True   | the condition's own           | fine
func condition(own gslb.Source, kind, reason, fine string, generation int64, findings []Finding) metav1.Condition {
	c := metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: reason, ObservedGeneration: generation}
	var bad, notes []Finding
	for _, f := range findings {
		switch {
		case f.Condition != kind:
		case f.Bad:
			bad = append(bad, f)
		default:
			notes = append(notes, f)
		}
	}
	if len(bad) > 0 {
		c.Status = metav1.ConditionFalse
	}
	var messages []string
	for _, f := range append(bad, notes...) {
		if c.Reason == reason {
			c.Reason = f.Reason
		}
		messages = append(messages, f.text(own))
	}
	if len(messages) == 0 {
		messages = []string{fine}
	}
	c.Message = shorten(strings.Join(messages, "; "))
	return c
}

// maxMessage is the longest message of a condition that an API server takes.
const maxMessage = 32768

func shorten(message string) string {
	const more = " …"
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage-len(more)], "") + more
}

// conditions gives Accepted and Resolved of a Gslb.
func conditions(g *gslbv1beta1.Gslb, findings []Finding) []metav1.Condition {
	return []metav1.Condition{
		condition(gslbSource(g), gslbv1beta1.ConditionAccepted, gslbv1beta1.ReasonAccepted, "the spec is valid", g.Generation, findings),
		condition(gslbSource(g), gslbv1beta1.ConditionResolved, gslbv1beta1.ReasonResolved, "everything that the spec names was found", g.Generation, findings),
	}
}
