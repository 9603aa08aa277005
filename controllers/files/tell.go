// SPDX-License-Identifier: Apache-2.0

package files

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// problemsNow gathers what is wrong, in order. What makes a condition False is a
// warning: the files are right, and something that they need is missing.
func (s *Source) problemsNow() []Problem {
	var all []Problem
	for _, f := range s.folder.files {
		for _, p := range f.problems {
			all = append(all, Problem{Problem: p, Severity: Error})
		}
	}
	all = append(all, s.model.problems()...)
	for _, f := range s.model.findings() {
		all = append(all, f.problem(Warning, f.finding.Message))
	}
	return sortProblems(all)
}

// tell logs what changed: problems that came or went, and conditions of Gslbs. What
// goes on being wrong is told once.
func (s *Source) tell(changes []change) {
	now := s.problemsNow()
	s.mu.Lock()
	before := s.problems
	s.problems = now
	s.mu.Unlock()
	for _, p := range now {
		if p.Severity == Error && !slices.Contains(before, p) {
			s.log.Error("manifest is wrong; its last good state is kept", "file", p.File, "line", p.Line, "object", p.Object, "problem", p.String())
		}
	}
	for _, p := range now {
		if p.Severity == Warning && strings.HasSuffix(p.Message, noObject) && !slices.Contains(before, p) {
			s.log.Warn("object of a readiness gate is in no file", "file", p.File, "line", p.Line, "object", p.Object, "problem", p.String())
		}
	}
	for _, p := range before {
		if p.Severity == Error && !slices.ContainsFunc(now, func(q Problem) bool { return q.File == p.File && q.Severity == Error }) {
			s.log.Info("manifest is right again, or gone", "file", p.File)
		}
	}
	told := 0
	for i := range changes {
		told = s.tellConditions(&changes[i], told)
	}
	if more := told - toldSingly; more > 0 {
		s.log.Info("more conditions changed", "count", more)
	}
	s.count(now)
}

// toldSingly is how many conditions of one reading have a line of their own: a Service
// that is gone is a condition of every Gslb that needs it.
const toldSingly = 20

// tellConditions tells what changed of one Gslb; told counts what did so far.
func (s *Source) tellConditions(c *change, told int) int {
	for _, condition := range c.after.Conditions {
		same := slices.ContainsFunc(c.before.Conditions, func(b metav1.Condition) bool {
			return b.Type == condition.Type && b.Reason == condition.Reason && b.Message == condition.Message
		})
		bad := condition.Status == metav1.ConditionFalse
		if same || !bad && len(c.before.Conditions) == 0 {
			continue
		}
		told++
		switch {
		case told > toldSingly:
		case bad:
			s.log.Warn("condition is false", "gslb", c.name.String(), "condition", condition.Type, "reason", condition.Reason, "message", condition.Message)
		default:
			s.log.Info("condition is true", "gslb", c.name.String(), "condition", condition.Type, "reason", condition.Reason, "message", condition.Message)
		}
	}
	return told
}

// count sets the gauges.
func (s *Source) count(problems []Problem) {
	s.metrics.objects.Reset()
	for place, keys := range s.model.inventory.places {
		s.metrics.objects.WithLabelValues(place.kind).Add(float64(len(keys)))
	}
	for _, severity := range []Severity{Error, Warning} {
		n := 0
		for _, p := range problems {
			if p.Severity == severity {
				n++
			}
		}
		s.metrics.problems.WithLabelValues(string(severity)).Set(float64(n))
	}
}
