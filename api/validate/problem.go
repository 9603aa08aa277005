// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Problem is one thing that is wrong with a file or an object in it.
type Problem struct {
	// File is the name that the caller gave.
	File string
	// Line is the line of the field in the file, from 1, or that of the nearest thing
	// around it that is there; 0 if the problem has no place in a file.
	Line int
	// Object is kind, namespace and name, such as "Gslb test/app"; "" if the document
	// has none.
	Object string
	// Path is the field's path, such as spec.strategy.weight; "" if it concerns the whole
	// document.
	Path string
	// Message says what is wrong and what would be right, in the API server's words.
	Message string
}

// String is one line: app.yaml:12: spec.strategy.weight: what is wrong.
func (p Problem) String() string {
	var line strings.Builder
	if p.File != "" {
		line.WriteString(p.File)
		line.WriteByte(':')
	}
	if p.Line > 0 {
		fmt.Fprintf(&line, "%d:", p.Line)
	}
	if line.Len() > 0 {
		line.WriteByte(' ')
	}
	if p.Path != "" && !strings.Contains(p.Message, `"`+p.Path+`"`) {
		line.WriteString(p.Path)
		line.WriteString(": ")
	}
	line.WriteString(p.Message)
	return line.String()
}

// Error makes a Problem an error, with the text of String.
func (p Problem) Error() string { return p.String() }

// pathOf makes a field.Path of a path's text.
func pathOf(path string) *field.Path { return field.NewPath(path) }
