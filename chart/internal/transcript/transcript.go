// SPDX-License-Identifier: Apache-2.0

// Package transcript reads a page of documentation that tells somebody what to type, and
// compares what happens with what the page says. It runs nothing itself; the tests of
// the chart's pages do.
//
// A block "```yaml" that begins with a comment "# NAME.yaml" is a file to write. In a
// block "```console" a line that begins with "$ " is a command, and the lines below it
// are what it prints: each of them is in its output, in this order, with any white
// space; "…" stands for anything. Output that is not told may be longer.
package transcript

import (
	"fmt"
	"regexp"
	"strings"
)

// Step is one thing that the page tells to do: a file to write or a command to run.
type Step struct {
	Line    int    // in the page, from 1
	File    string // its name, or "" for a command
	Content string // of the file
	Command string
	Output  []string // lines that it prints
}

var fileName = regexp.MustCompile(`^# ([A-Za-z0-9_-]+\.yaml)$`)

// Parse gives the steps of a page in its order.
func Parse(page string) ([]Step, error) {
	var steps []Step
	var language string
	var block []string
	begin := 0
	for i, line := range strings.Split(page, "\n") {
		switch {
		case language == "" && strings.HasPrefix(line, "```"):
			language, block, begin = strings.TrimPrefix(line, "```")+" ", nil, i+2
		case language != "" && line == "```":
			more, err := stepsOf(strings.TrimSpace(language), block, begin)
			if err != nil {
				return nil, err
			}
			steps, language = append(steps, more...), ""
		case language != "":
			block = append(block, line)
		}
	}
	if language != "" {
		return nil, fmt.Errorf("line %d: the block has no end", begin-1)
	}
	return steps, nil
}

func stepsOf(language string, block []string, begin int) ([]Step, error) {
	switch language {
	case "yaml":
		if name := fileName.FindStringSubmatch(strings.Join(block[:min(1, len(block))], "")); name != nil {
			return []Step{{Line: begin, File: name[1], Content: strings.Join(block, "\n") + "\n"}}, nil
		}
	case "console":
		var steps []Step
		for i, line := range block {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				steps = append(steps, Step{Line: begin + i, Command: command})
				continue
			}
			if len(steps) == 0 {
				return nil, fmt.Errorf("line %d: output without a command", begin+i)
			}
			last := &steps[len(steps)-1]
			last.Output = append(last.Output, line)
		}
		return steps, nil
	}
	return nil, nil
}

// Missing gives the first line that the page shows and the output does not have behind
// the ones before it, or "".
func (s *Step) Missing(output string) string {
	lines := strings.Split(output, "\n")
	for _, want := range s.Output {
		found := -1
		for i, line := range lines {
			if pattern(want).MatchString(line) {
				found = i
				break
			}
		}
		if found < 0 {
			return want
		}
		lines = lines[found+1:]
	}
	return ""
}

// pattern makes a line of a page an expression.
func pattern(line string) *regexp.Regexp {
	parts := strings.Split(strings.TrimSpace(line), "…")
	for i, part := range parts {
		words := strings.Fields(part)
		for j, w := range words {
			words[j] = regexp.QuoteMeta(w)
		}
		parts[i] = strings.Join(words, `\s+`)
	}
	return regexp.MustCompile(`^\s*` + strings.Join(parts, `.*`) + `\s*$`)
}
