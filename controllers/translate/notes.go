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

// notes says what condition Resolved should tell about the backends of a host. from
// are the clusters in which ready endpoints run, beside this one.
func (r *readiness) notes(h *refs.Host, s *HostStatus, sum *tally, from []string) []Finding {
	var findings []Finding
	note := func(format string, args ...any) {
		findings = append(findings, Finding{
			Condition: gslbv1beta1.ConditionResolved, Reason: gslbv1beta1.ReasonResolved, Path: s.Path,
			Message: fmt.Sprintf("host %s: ", s.Text) + fmt.Sprintf(format, args...),
		})
	}
	findings = append(findings, r.missing(h, s)...)
	for i := range h.Backends {
		if why := h.Backends[i].Dead; why != "" {
			note("%s, so no request for %s reaches anybody", why, &h.Backends[i])
		}
	}
	for _, why := range sum.why {
		note("%s, so its health is unknown; a healthCheck can tell", why)
	}
	switch {
	case h.Dead != "":
		note("%s, so no request reaches one", h.Dead)
	case len(h.Others) > 0:
		note("health is unknown behind %s, which is no Service; a healthCheck can tell", strings.Join(h.Others, ", "))
	case len(h.Backends) == 0:
		note("no Service stands behind it, so its health is unknown; a healthCheck can tell")
	}
	if s.Remote > 0 && s.Local == 0 {
		if s.Readiness == gslb.Healthy {
			note("no backend in this cluster is ready; it depends on %s", strings.Join(from, ", "))
		} else {
			note("every ready endpoint runs elsewhere (%s), which serviceHealthScope %s does not count; clusterset would", strings.Join(from, ", "), r.scope)
		}
	}
	if len(sum.down) > 0 {
		note("ready endpoints in %s do not count: that cluster is lost", strings.Join(sum.down, ", "))
	}
	if len(sum.bare) > 0 {
		note("ready endpoints in %s do not count: that cluster reports that none is ready there", strings.Join(sum.bare, ", "))
	}
	if managers := slices.Compact(slices.Sorted(slices.Values(sum.foreign))); len(managers) > 0 {
		note("EndpointSlices managed by %s never count as local: nobody knows where those endpoints run", strings.Join(managers, ", "))
	}
	return findings
}

// missing tells of backends that are not there, or may not be used.
func (r *readiness) missing(h *refs.Host, s *HostStatus) []Finding {
	var names []string
	var findings []Finding
	bad := func(reason, message string) {
		findings = append(findings, Finding{
			Condition: gslbv1beta1.ConditionResolved, Reason: reason, Bad: true, Path: s.Path,
			Message: fmt.Sprintf("host %s: %s", s.Text, message),
		})
	}
	for i := range h.Backends {
		b := &h.Backends[i]
		if b.Refused != "" {
			bad(gslbv1beta1.ReasonRefNotPermitted, b.Refused)
		} else if obj, state := r.look.One(b.Key()); obj == nil && state != refs.Unread {
			names = append(names, b.String())
		}
	}
	if len(names) > 0 {
		bad(gslbv1beta1.ReasonServiceNotFound, strings.Join(names, ", ")+" does not exist")
	}
	return findings
}
