// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	namedTest  = regexp.MustCompile("`([a-z0-9/-]+)\\.((?:Test|Fuzz)[A-Za-z0-9_]+)`")
	namedStory = regexp.MustCompile(`\]\(\.\./(internal/gslbtest/testdata/[^)]+)\)`)
	declared   = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	failureRow = regexp.MustCompile(`^F([0-9]+)$`)
)

// testsIn gives the names of the test functions of a folder.
func testsIn(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../../" + folder + "/*_test.go")
	require.NoError(t, err)
	out := map[string]bool{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		for _, m := range declared.FindAllStringSubmatch(string(b), -1) {
			out[m[1]] = true
		}
	}
	return out
}

// rowsOf gives the rows of the tables in a page, without headings, as cells.
func rowsOf(page string) (rows [][]string) {
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, "| "):
		case strings.HasSuffix(line, "| shown by |"):
		default:
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		}
	}
	return rows
}

// TestReliabilityPageNamesWhatExists: every failure has its row, every row says how it
// stands, and what shows it is there.
func TestReliabilityPageNamesWhatExists(t *testing.T) {
	b, err := os.ReadFile("../../docs/reliability.md")
	require.NoError(t, err)
	page := string(b)
	state := regexp.MustCompile(`^(held|partly|not yet)\b`)
	failures, states := map[string]int{}, map[string]int{}
	rows := rowsOf(page)
	require.Greater(t, len(rows), 42+14)
	for _, cells := range rows {
		require.GreaterOrEqual(t, len(cells), 4, "%q", cells)
		how, shown := cells[len(cells)-2], cells[len(cells)-1]
		assert.Regexp(t, state, how, "row %q says held, partly or not yet", cells[0])
		if !strings.HasPrefix(how, "held") {
			assert.Contains(t, how, ": ", "row %q says what is missing", cells[0])
		}
		if !strings.HasPrefix(how, "not yet") {
			assert.True(t, namedTest.MatchString(shown) || namedStory.MatchString(shown), "row %q names no test", cells[:2])
		}
		if m := failureRow.FindStringSubmatch(cells[0]); m != nil {
			failures[m[1]]++
			states[state.FindString(how)]++
		}
	}
	assert.Len(t, failures, 42)
	for n := range 42 {
		assert.Equal(t, 1, failures[strconv.Itoa(n+1)], "F%d has one row", n+1)
	}
	assert.Contains(t, page, fmt.Sprintf("Of 42 failures %d are held, %d partly, %d not yet.", states["held"], states["partly"], states["not yet"]))

	known := map[string]map[string]bool{}
	for _, m := range namedTest.FindAllStringSubmatch(page, -1) {
		if known[m[1]] == nil {
			known[m[1]] = testsIn(t, m[1])
		}
		assert.True(t, known[m[1]][m[2]], "no test %s in folder %s", m[2], m[1])
	}
	for _, m := range namedStory.FindAllStringSubmatch(page, -1) {
		assert.FileExists(t, "../../"+m[1])
	}
}
