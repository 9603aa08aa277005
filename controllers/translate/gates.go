// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// Gate is a readiness gate: a condition of an object.
type Gate struct {
	APIVersion, Kind string
	Namespace, Name  string // Namespace does not matter for kinds of cluster scope
	Condition        string
}

// String says what is wanted.
func (g Gate) String() string {
	return fmt.Sprintf("condition %s of %s %s/%s", g.Condition, g.Kind, g.Namespace, g.Name)
}

// GateState is how a readiness gate stands.
type GateState struct {
	Known bool   // whether it is True could be told
	True  bool   // the condition is there and True
	Why   string // what is known, in words; "" where it is True
}

// GateStateOf says how a readiness gate stands whose object has these status.conditions, in
// the form that all kinds of Kubernetes share.
func GateStateOf(conditions []any, kind string) GateState {
	for _, item := range conditions {
		c, ok := item.(map[string]any)
		if !ok || c["type"] != kind {
			continue
		}
		if c["status"] == string(metav1.ConditionTrue) {
			return GateState{Known: true, True: true}
		}
		return GateState{Known: true, Why: fmt.Sprintf("it is %v (%v)", c["status"], c["reason"])}
	}
	return GateState{Known: true, Why: "the object has no such condition"}
}

// gates are the readiness gates of one Gslb.
type gates struct {
	all    []Gate
	closed []string // those that are not True
	dark   []string // those that nobody can tell
}

func newGates(in *Input) *gates {
	g := &gates{}
	for _, spec := range in.Gslb.Spec.ReadinessGates {
		gate := Gate{spec.APIVersion, spec.Kind, in.Gslb.Namespace, spec.Name, spec.ConditionType}
		g.all = append(g.all, gate)
		state := GateState{Why: "it is not watched"}
		if in.Gates != nil {
			state = in.Gates(gate)
		}
		switch {
		case !state.Known:
			g.dark = append(g.dark, fmt.Sprintf("%s cannot be told: %s", gate, state.Why))
		case !state.True:
			g.closed = append(g.closed, fmt.Sprintf("%s is not True: %s", gate, state.Why))
		}
	}
	return g
}

// judge lets the gates count for a host, and gives notes.
//
//	scope | a gate is not True | a gate cannot be told | readiness
//	probe | any                | any                   | as it is
//	other | yes                | any                   | unhealthy, ReadinessGateNotReady; ServiceNotFound stays
//	other | no                 | yes                   | unknown where it would be healthy
//	other | no                 | no                    | as it is
func (g *gates) judge(s *HostStatus, scope gslbv1beta1.ServiceHealthScope) []Finding {
	if scope == gslbv1beta1.ScopeProbe {
		return nil
	}
	var findings []Finding
	note := func(texts []string) {
		for _, text := range texts {
			findings = append(findings, Finding{
				Condition: gslbv1beta1.ConditionResolved, Reason: gslbv1beta1.ReasonResolved, Path: "spec.readinessGates",
				Message: fmt.Sprintf("host %s: readiness gate: %s", s.Text, text),
			})
		}
	}
	note(g.closed)
	note(g.dark)
	switch {
	case len(g.closed) > 0 && s.Readiness != gslb.Unhealthy:
		s.Readiness, s.ReadinessReason = gslb.Unhealthy, gslb.ReasonGateNotReady
	case len(g.closed) == 0 && len(g.dark) > 0 && s.Readiness == gslb.Healthy:
		s.Readiness, s.ReadinessReason = gslb.HealthUnknown, gslb.ReasonHealthUnknown
	}
	return findings
}
