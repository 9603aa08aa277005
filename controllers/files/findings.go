// SPDX-License-Identifier: Apache-2.0

package files

import (
	"fmt"
	"os"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/api/validate"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// located is a finding of translation that makes a condition False, and where it
// stands.
type located struct {
	finding translate.Finding
	at      Problem
}

// problem makes a problem of it, under the reason of the condition.
func (l *located) problem(severity Severity, message string) Problem {
	p := l.at
	p.Severity, p.Message = severity, l.finding.Reason+": "+message
	return p
}

// locate places the bad findings: on the object that they are about, else on
// otherwise.
func (m *model) locate(otherwise *held, findings []translate.Finding) []located {
	var all []located
	for _, f := range findings {
		if !f.Bad {
			continue
		}
		h := m.inventory.objects[key{f.On.Kind, f.On.Namespace, f.On.Name}]
		if h == nil {
			h = otherwise
		}
		if h != nil {
			all = append(all, located{f, placed(h, Warning, f.Path, f.Message)})
		}
	}
	return all
}

// placed makes a problem with the line of its field, as far as the file still says it.
func placed(h *held, severity Severity, path, message string) Problem {
	p := h.at(severity, path, message)
	if path == "" {
		return p
	}
	if data, err := os.ReadFile(h.file); err == nil { //nolint:gosec // the folder is the operator's
		p.Line = validate.LineOf(data, h.line, path)
	}
	return p
}

// problems lists what is wrong with the objects themselves: those that are there
// twice, wrong annotations, and labels that mean nothing.
func (m *model) problems() []Problem {
	all := m.inventory.problems()
	for _, a := range m.annotated {
		all = append(all, a.problems...)
	}
	for _, e := range m.endpoints() {
		if value, labelled := e.Labels[gslbv1beta1.LabelServe]; labelled && !translate.Serves(e) {
			all = append(all, placed(m.inventory.objects[key{kindEndpoint, e.Namespace, e.Name}], Warning, "metadata.labels",
				fmt.Sprintf("label %s is %q: only with %q are the records served", gslbv1beta1.LabelServe, value, gslbv1beta1.ServeTrue)))
		}
	}
	for _, state := range m.gslbs {
		all = append(all, state.gates...)
	}
	return all
}

// findings lists what makes conditions False.
func (m *model) findings() []located {
	all := append([]located(nil), m.unzoned...)
	for _, state := range m.gslbs {
		all = append(all, state.findings...)
	}
	return all
}
