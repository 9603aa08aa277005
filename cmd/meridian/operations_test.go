// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sourceText gives the text of all Go files that are no tests, below some folders.
func sourceText(t *testing.T, folders ...string) string {
	t.Helper()
	var all strings.Builder
	for _, f := range folders {
		err := filepath.WalkDir("../../"+f, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := os.ReadFile(path)
			all.Write(b)
			return err
		})
		require.NoError(t, err)
	}
	return all.String()
}

// TestMetricsInPagesExist: every metric that a page names is registered.
func TestMetricsInPagesExist(t *testing.T) {
	var known []string
	for _, m := range metricsOf(t, everything(t)) {
		known = append(known, m.name)
	}
	name := regexp.MustCompile(`\bmeridian_[a-z0-9_]*[a-z0-9]`)
	for path, text := range pages(t) {
		for _, m := range name.FindAllString(text, -1) {
			base := m
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				base = strings.TrimSuffix(base, suffix)
			}
			family := slices.ContainsFunc(known, func(k string) bool { return strings.HasPrefix(k, m+"_") })
			assert.True(t, slices.Contains(known, m) || slices.Contains(known, base) || family, "%s names %s, which is not registered", path, m)
		}
	}
}

// TestOperationsPageSaysWhatTheProgramSays: log lines, events and reasons in the page
// are those of the program.
func TestOperationsPageSaysWhatTheProgramSays(t *testing.T) {
	b, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	page := string(b)
	program := sourceText(t, "cmd", "controllers", "dnsserver", "edge", "gslb", "healthcheck", "internal", "peers")
	lines := 0
	for _, m := range regexp.MustCompile("\\blog ((?:`[^`]+`(?:, )?)+)").FindAllStringSubmatch(page, -1) {
		for _, q := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(m[1], -1) {
			lines++
			assert.Contains(t, program, `"`+q[1], "no line of the log begins so")
		}
	}
	assert.Greater(t, lines, 20)
	words := sourceText(t, "api", "gslb")
	for _, m := range regexp.MustCompile("`([A-Z][A-Za-z]{3,})`").FindAllStringSubmatch(page, -1) {
		if !slices.Contains([]string{"Gslb", "ZoneDelegation", "Ingress"}, m[1]) {
			assert.Contains(t, words, `"`+m[1]+`"`, "no reason, event or condition has the name")
		}
	}
}
