// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"fmt"
	"slices"
	"strings"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
)

// suggestion names the known field that an unknown one was probably meant to be;
// "" if none is near.
func (r *resource) suggestion(path string) string {
	all := steps(path)
	if len(all) == 0 {
		return ""
	}
	parent := r.structural
	for _, step := range all[:len(all)-1] {
		if parent = child(parent, step); parent == nil {
			return ""
		}
	}
	wrong := all[len(all)-1]
	best, bestDistance := "", 3
	for _, name := range sortedProperties(parent) {
		distance := distance(strings.ToLower(wrong), strings.ToLower(name))
		if distance < bestDistance && distance < len(name)/2+1 {
			best, bestDistance = name, distance
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// child returns the schema below s that a step of a path leads to; nil if there is
// none.
func child(s *structuralschema.Structural, step string) *structuralschema.Structural {
	if property, ok := s.Properties[step]; ok {
		return &property
	}
	if s.Items != nil {
		return s.Items
	}
	if s.AdditionalProperties != nil {
		return s.AdditionalProperties.Structural
	}
	return nil
}

func sortedProperties(s *structuralschema.Structural) []string {
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// distance is the number of characters to insert, delete or replace to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
