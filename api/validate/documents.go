// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"bytes"
	"regexp"
	"strconv"

	yamlnodes "go.yaml.in/yaml/v3"
)

// document is one YAML document of a file.
type document struct {
	line int // of its first line in the file, from 1
	text []byte
}

// documents splits a file at its document markers, so that a broken document does
// not hide the others. Documents without content are left out. YAML 1.2 §9.1: a
// marker stands at the beginning of a line, whatever is around it.
func documents(data []byte) []document {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var all []document
	current := document{line: 1}
	content := false
	end := func() {
		if content {
			all = append(all, current)
		}
		content = false
	}
	number := 0
	for line := range bytes.Lines(data) {
		number++
		if isMarker(line, "---") || isMarker(line, "...") {
			end()
			current = document{line: number}
			if isMarker(line, "...") {
				continue
			}
		}
		if len(current.text) == 0 {
			current.line = number
		}
		current.text = append(current.text, line...)
		content = content || hasContent(line)
	}
	end()
	return all
}

func isMarker(line []byte, marker string) bool {
	rest, found := bytes.CutPrefix(line, []byte(marker))
	return found && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}

// hasContent reports whether a line holds more than a marker, a directive or a comment.
func hasContent(line []byte) bool {
	if isMarker(line, "---") {
		line = line[len("---"):]
	}
	line = bytes.TrimSpace(line)
	return len(line) > 0 && line[0] != '#' && line[0] != '%'
}

// nodes parses the document for its line numbers; nil where it cannot be parsed.
func (d document) nodes() *yamlnodes.Node {
	root := &yamlnodes.Node{}
	if err := yamlnodes.Unmarshal(d.text, root); err != nil || len(root.Content) == 0 {
		return nil
	}
	return root.Content[0]
}

// yamlPrefix is what the YAML library puts before what it has to say.
var yamlPrefix = regexp.MustCompile(`^(?:error converting YAML to JSON: )?yaml: (?:unmarshal errors:\n  )?(?:line (\d+): )?`)

// syntaxProblem places an error of the YAML library, whose lines count from the
// beginning of the document.
func (d document) syntaxProblem(file string, err error) Problem {
	text := err.Error()
	problem := Problem{File: file, Line: d.line}
	if found := yamlPrefix.FindStringSubmatch(text); found != nil {
		if line, convErr := strconv.Atoi(found[1]); convErr == nil {
			problem.Line += max(line-1, 0)
		}
		text = text[len(found[0]):]
	}
	problem.Line = min(problem.Line, d.line+bytes.Count(d.text, []byte("\n")))
	problem.Message = "not YAML: " + text
	return problem
}
