// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"slices"
	"strings"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/gslb"
)

// path judges the way to the backends of a host: the pods of the ingress controller or
// gateway at each entry, where it is known which Services these are. It marks the entries
// at which no client gets in, and gives notes.
//
//	scope | Services at the entry                               | the entry
//	probe | any                                                 | as the probe says
//	other | none known, or backends themselves                  | as the backends say
//	other | one that is healthy, unknown, or without any slice  | as the backends say
//	other | all without an endpoint that counts                 | unhealthy, EntryNotReady
func (r *readiness) path(h *refs.Host, s *HostStatus, list []entry) []Finding {
	if r.scope == gslbv1beta1.ScopeProbe {
		return nil
	}
	var findings []Finding
	for i := range list {
		e := &list[i]
		fronts := refs.Fronts(&e.at, r.look)
		var closed []string
		for j := range fronts {
			if r.closed(h, &fronts[j]) {
				closed = append(closed, fronts[j].String())
			}
		}
		if len(closed) == 0 || len(closed) < len(fronts) {
			continue
		}
		e.closed = fmt.Sprintf("no client gets in at %s: no pod behind %s is ready", e.text(), strings.Join(closed, ", "))
		findings = append(findings, Finding{
			Condition: gslbv1beta1.ConditionResolved, Reason: gslbv1beta1.ReasonResolved, Path: s.Path,
			Message: fmt.Sprintf("host %s: %s", s.Text, e.closed),
		})
	}
	return findings
}

// closed reports that no pod behind the Service of an entry takes clients.
func (r *readiness) closed(h *refs.Host, b *refs.Backend) bool {
	if slices.Contains(h.Backends, *b) {
		return false // judged already
	}
	if found, _ := r.look.Get(b.Slices()); len(found) == 0 {
		return false // whatever makes its endpoints known has not done so
	}
	return r.backend(gslb.Name{}, b).reason == gslb.ReasonNotReady // reports speak of backends, and not of this
}

// text is the entry as it was found.
func (e *entry) text() string {
	if e.at.IP != "" {
		return e.at.IP
	}
	return e.at.Hostname
}
