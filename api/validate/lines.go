// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"strconv"
	"strings"

	yamlnodes "go.yaml.in/yaml/v3"
)

// place is where an object stands in a file.
type place struct {
	file string
	line int             // of the document
	node *yamlnodes.Node // of the object; nil if it has none
}

// find returns the line of the field at path, or of the innermost thing around it
// that is there: a required field that is missing has the line of its parent.
func (p place) find(path string) int {
	if p.node == nil {
		return p.line
	}
	return p.line - 1 + lineOf(p.node, steps(path), p.node.Line)
}

// steps splits spec.rules[0].labels[a.b/c] into spec, rules, 0, labels, a.b/c.
func steps(path string) []string {
	var all []string
	for path != "" {
		if path[0] == '[' {
			inner, rest, closed := strings.Cut(path[1:], "]")
			all = append(all, strings.Trim(inner, `"'`))
			path = rest
			if !closed {
				return all
			}
			continue
		}
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			return append(all, path)
		}
		if end > 0 {
			all = append(all, path[:end])
		}
		path = strings.TrimPrefix(path[end:], ".")
	}
	return all
}

// lineOf walks from node along steps. line is that of the last thing found, whose
// key says more than its value: a value can begin in the line below.
func lineOf(node *yamlnodes.Node, steps []string, line int) int {
	if node.Kind == yamlnodes.AliasNode {
		return line
	}
	if len(steps) == 0 {
		return line
	}
	switch node.Kind {
	case yamlnodes.MappingNode:
		// The server joins keys that contain dots like any other: the longest match wins.
		for taken := len(steps); taken > 0; taken-- {
			key := strings.Join(steps[:taken], ".")
			for i := 0; i+1 < len(node.Content); i += 2 {
				if node.Content[i].Value == key {
					return lineOf(node.Content[i+1], steps[taken:], node.Content[i].Line)
				}
			}
		}
	case yamlnodes.SequenceNode:
		index, err := strconv.Atoi(steps[0])
		if err != nil { // decoders of Go types leave indices out
			index, steps = 0, append([]string{"0"}, steps...)
		}
		if index >= 0 && index < len(node.Content) {
			return lineOf(node.Content[index], steps[1:], node.Content[index].Line)
		}
	case yamlnodes.DocumentNode, yamlnodes.ScalarNode, yamlnodes.AliasNode:
	}
	return line
}

// nodeAt returns item i of a v1 List; nil if list is nil or has none.
func nodeAt(list *yamlnodes.Node, i int) *yamlnodes.Node {
	if list == nil || list.Kind != yamlnodes.MappingNode {
		return nil
	}
	for k := 0; k+1 < len(list.Content); k += 2 {
		if items := list.Content[k+1]; list.Content[k].Value == "items" && i < len(items.Content) {
			return items.Content[i]
		}
	}
	return nil
}
