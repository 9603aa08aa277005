// SPDX-License-Identifier: Apache-2.0

package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/controllers/files"
	"github.com/meridian-gslb/meridian/gslb"
)

// listOf puts documents into a List.
func listOf(documents ...string) string {
	text := "apiVersion: v1\nkind: List\nitems:\n"
	for _, d := range documents {
		text += "- " + strings.ReplaceAll(strings.TrimSuffix(d, "\n"), "\n", "\n  ") + "\n"
	}
	return text
}

func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

// TestWhatIsWrongIsToldByLine: everything of an application is in one file, which is broken
// in a running process in several ways: what it held stays, and the line and what would be
// right are told; what is right again counts.
func TestWhatIsWrongIsToldByLine(t *testing.T) {
	parts := func(addr string) []string {
		return []string{gslbYAML("app.cloud.example.com"), ingressYAML("app", addr), serviceYAML(), sliceYAML(true)}
	}
	all := func(addr string) string { return strings.Join(parts(addr), "---\n") }
	wrong := strings.Replace(all("192.0.2.99"), "pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}\nstatus", "pathType: Prefx, backend: {service: {name: app, port: {number: 80}}}}\nstatus", 1)
	require.NotEqual(t, all("192.0.2.99"), wrong)
	listed := listOf(parts("192.0.2.99")...)
	lineOf := func(text, of string) int { return 1 + strings.Count(text[:strings.Index(text, of)], "\n") }
	for _, c := range []struct {
		name, good, bad, at, message string
	}{
		{"one of several documents", all("192.0.2.11"), wrong, fmt.Sprint(":", lineOf(wrong, "Prefx"), ": "), `"Prefx": supported values: `},
		{"with CRLF", crlf(all("192.0.2.11")), crlf(wrong), fmt.Sprint(":", lineOf(wrong, "Prefx"), ": "), "supported values"},
		{"an item of a List", listOf(parts("192.0.2.11")...), strings.Replace(listed, "roundRobin", "robin", 1), fmt.Sprint(":", lineOf(listed, "roundRobin"), ": "), `supported values: "roundRobin"`},
		{"half of a file, which ends within a value", all("192.0.2.11"), all("192.0.2.99")[:strings.Index(all("192.0.2.99"), "pathType")], ":", "did not find expected"},
		{"half of a file, which is YAML", all("192.0.2.11"), all("192.0.2.99")[:strings.Index(all("192.0.2.99"), "- host")], ":", "rules"},
		{"not YAML", all("192.0.2.11"), "a: [\n", ":", "did not find expected"},
		{"no object", all("192.0.2.11"), "- a\n", ":1: ", "not an object: apiVersion and kind must be set"},
		{"an unknown field", all("192.0.2.11"), strings.Replace(all("192.0.2.99"), "  strategy:", "  strateggy:", 1), fmt.Sprint(":", lineOf(all("192.0.2.99"), "  strategy:"), ": "), `unknown field "spec.strateggy"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "all.yaml", all("192.0.2.10"))
			h := start(t, dir)
			h.untilAddrs("it is read", "192.0.2.10")
			require.NoError(t, os.WriteFile(filepath.Join(dir, "all.yaml"), []byte(c.bad), 0o600))
			var told []string
			for !strings.Contains(strings.Join(told, "\n"), c.message) {
				told = append(told, h.untilLog("manifest is wrong; its last good state is kept"))
			}
			last := told[len(told)-1]
			assert.Contains(t, last, filepath.Join(dir, "all.yaml")+c.at)
			assert.True(t, files.HasErrors(h.source.Problems()))
			write(t, dir, "other.yaml", strings.ReplaceAll(strings.Replace(gslbYAML("other.cloud.example.com"), "name: app}\nspec", "name: other}\nspec", 1), "name: app,", "name: other,"))
			w := h.until("other files go on", func(w *gslb.World) bool { return w.Host(gslb.MustName("other.cloud.example.com")) != nil })
			assert.Equal(t, []string{"192.0.2.10"}, healthy(w), "the last good state")
			h.write("all.yaml", c.good)
			h.until("it is right again", func(w *gslb.World) bool { return fmt.Sprint(healthy(w)) == "[192.0.2.11]" })
			h.untilLog("manifest is right again, or gone")
			assert.False(t, files.HasErrors(h.source.Problems()))
		})
	}
}
