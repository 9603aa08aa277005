// SPDX-License-Identifier: Apache-2.0

package files

import (
	"cmp"
	"slices"

	"github.com/meridian-gslb/meridian/api/validate"
)

// Severity says how bad a Problem is.
type Severity string

// Severities.
const (
	// Error: an API server would refuse the object, or a host of it is not offered.
	Error Severity = "error"
	// Warning: the object is taken, and something that it needs is missing.
	Warning Severity = "warning"
)

// Problem is one thing that is wrong with a file, or with what its objects mean.
type Problem struct {
	validate.Problem
	Severity Severity
}

// String is one line: app.yaml:12: spec.strategy.weight: what is wrong. Warnings say
// that they are.
func (p Problem) String() string {
	if p.Severity != Warning {
		return p.Problem.String()
	}
	warned := p.Problem
	if warned.Path != "" {
		warned.Message = warned.Path + ": " + warned.Message
		warned.Path = ""
	}
	warned.Message = "warning: " + warned.Message
	return warned.String()
}

// Error makes a Problem an error, with the text of String.
func (p Problem) Error() string { return p.String() }

// HasErrors reports that one of the problems is an error.
func HasErrors(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Error })
}

// sortProblems puts problems in order of file, line and text, each once.
func sortProblems(problems []Problem) []Problem {
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(problems)
}

// at makes a problem of an object.
func (h *held) at(severity Severity, path, message string) Problem {
	return Problem{Severity: severity, Problem: validate.Problem{
		File: h.file, Line: h.line, Object: h.key.String(), Path: path, Message: message,
	}}
}
