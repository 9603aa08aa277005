// SPDX-License-Identifier: Apache-2.0

package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/api/validate"
	"github.com/meridian-gslb/meridian/controllers/files"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// TestSourcesPage runs docs/sources.md: its manifests are read from a folder, and what it
// says that is answered is what a cluster with them answers. Nothing of it is a mistake.
func TestSourcesPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/sources.md")
	require.NoError(t, err)
	manifests, transcript, shown := t.TempDir(), "", ""
	for i, b := range regexp.MustCompile("(?s)```(yaml|console)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		if b[1] == "console" {
			transcript += b[2]
			continue
		}
		shown += b[2]
		write(t, manifests, fmt.Sprintf("page%02d.yaml", i), b[2])
	}
	for _, row := range refs.Kinds() {
		if row.Referable() {
			assert.Contains(t, shown, "kind: "+row.Kind+"\n", "an example of each kind")
			for _, version := range row.Versions {
				assert.Contains(t, string(page), version)
			}
		}
	}
	problems, err := files.Check(t.Context(), []string{manifests}, files.CheckOptions{Self: "eu"})
	require.NoError(t, err)
	assert.Empty(t, problems)

	want := make(map[gslb.Name]string)
	for _, part := range strings.Split("\n"+transcript, "\n$ dig +short ")[1:] {
		host, answer, _ := strings.Cut(part, "\n")
		want[gslb.MustName(host)] = strings.TrimSpace(answer)
	}
	require.GreaterOrEqual(t, len(want), 11)
	h := start(t, manifests)
	world := h.until("every host of the page is there", func(w *gslb.World) bool {
		for host := range want {
			if w.Host(host) == nil {
				return false
			}
		}
		return w.Ready
	})
	for host, answer := range want {
		var lines []string
		decision := strategies.Decide(world.Host(host))
		for _, addr := range decision.Addrs() {
			lines = append(lines, addr.String())
		}
		assert.Equal(t, answer, strings.Join(lines, "\n"), host.String())
	}
}

// TestEveryKindAndVersionIsReadFromFiles: the kinds that are read from files are those of
// the one table, in all of its versions.
func TestEveryKindAndVersionIsReadFromFiles(t *testing.T) {
	validator, err := validate.New()
	require.NoError(t, err)
	for _, row := range refs.Kinds() {
		for _, version := range row.Versions {
			file := filepath.Join(t.TempDir(), "object.yaml")
			gv := strings.TrimPrefix(row.Group+"/"+version, "/")
			require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, "apiVersion: %s\nkind: %s\nmetadata: {name: a}\nnot-a-field: 1\n", gv, row.Kind), 0o600))
			problems, err := files.Check(t.Context(), []string{file}, files.CheckOptions{Self: "eu", Validator: validator})
			require.NoError(t, err)
			if strings.HasSuffix(row.Group, "istio.io") || row.Group == "networking.gke.io" {
				assert.Empty(t, problems, "%s %s: a part of its fields is known", gv, row.Kind)
				continue
			}
			require.NotEmpty(t, problems, "%s %s", gv, row.Kind)
			assert.Contains(t, fmt.Sprint(problems), "not-a-field", "it is decoded, and strictly")
		}
	}
}
