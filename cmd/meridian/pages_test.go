// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/api/validate"
)

// pages gives every page of documentation with its text.
func pages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "bin" || d.Name() == "testdata"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".md"):
			b, err := os.ReadFile(path)
			out[path] = string(b)
			return err
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, len(out), 10)
	return out
}

var (
	fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```")
	link  = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)
	flags = regexp.MustCompile(`--([a-z][a-z0-9-]+)`)
)

// TestObjectsInPagesAreAccepted: what a page tells people to apply is what an API
// server takes.
func TestObjectsInPagesAreAccepted(t *testing.T) {
	v, err := validate.New()
	require.NoError(t, err)
	seen := 0
	for path, text := range pages(t) {
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			if m[1] != "yaml" || !strings.Contains(m[2], "apiVersion: gslb.meridian.dev") || !strings.Contains(m[2], "metadata:") {
				continue
			}
			if strings.HasPrefix(strings.TrimSpace(m[2]), "status:") || strings.Contains(m[2], "\nstatus:") {
				continue // shown, not applied
			}
			seen++
			_, problems := v.Objects(t.Context(), path, []byte(m[2]))
			assert.Empty(t, problems, "%s:\n%s", path, m[2])
		}
	}
	assert.GreaterOrEqual(t, seen, 3)
}

// TestLinksInPagesLead: a relative link leads to a file of the repository.
func TestLinksInPagesLead(t *testing.T) {
	for path, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(path), m[1]))
			assert.NoError(t, err, "%s links to %s", path, m[1])
		}
	}
}

// TestCommandsInPagesExist: every meridian command line in a page has flags that
// the program knows.
func TestCommandsInPagesExist(t *testing.T) {
	seen := 0
	for path, text := range pages(t) {
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			if m[1] != "sh" {
				continue
			}
			for line := range strings.SplitSeq(strings.ReplaceAll(m[2], "\\\n", " "), "\n") {
				line, _, _ = strings.Cut(line, " #")
				_, rest, ok := strings.Cut(" "+line, "meridian ")
				f := strings.Fields(rest)
				if !ok || len(f) == 0 || strings.Contains(line, "kubectl") {
					continue
				}
				cmd, _, err := newRoot().Find(f[:1])
				if err != nil || cmd.Name() != f[0] {
					continue // a sentence, or another program's name
				}
				seen++
				for _, fl := range flags.FindAllStringSubmatch(rest, -1) {
					assert.NotNil(t, cmd.Flag(fl[1]), "%s: meridian %s has no flag --%s", path, f[0], fl[1])
				}
			}
		}
	}
	assert.Positive(t, seen)
}
