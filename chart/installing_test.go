// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/chart/internal/transcript"
	"github.com/meridian-gslb/meridian/internal/kplane"
)

// An operator is a shell of somebody who has checked out the repository: helm and
// kubectl in the PATH, contexts in the kubeconfig, an empty folder to write files into.
type operator struct {
	dir  string
	env  []string
	skip func(command string) string // why a command is not run; "": it is
}

// newOperator makes the folder, with the checkout's folders in it, and helm.
func newOperator(t *testing.T, kubeconfig, kubectl string) *operator {
	t.Helper()
	dir, bin := t.TempDir(), t.TempDir()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	for _, name := range []string{"chart", "docs", "api"} {
		require.NoError(t, os.Symlink(filepath.Join(root, name), filepath.Join(dir, name)))
	}
	require.NoError(t, os.Symlink(kubectl, filepath.Join(bin, "kubectl")))
	build := exec.CommandContext(t.Context(), "go", "build", "-modfile=hack/tools/go.mod", "-o", filepath.Join(bin, "helm"), "helm.sh/helm/v4/cmd/helm")
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return &operator{
		dir:  dir,
		env:  append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "KUBECONFIG="+kubeconfig, "HOME="+dir, "KUBECACHEDIR="+t.TempDir()),
		skip: func(string) string { return "" },
	}
}

// walk does what a page says, step by step, in one shell. A command that fails, or does
// not print what the page shows, fails the test, and so does a step that was not reached.
func (o *operator) walk(t *testing.T, page string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	steps, err := transcript.Parse(string(text))
	require.NoError(t, err)
	output := o.run(t.Context(), t, steps)
	for i, step := range steps {
		if step.File != "" {
			continue
		}
		t.Run(fmt.Sprintf("line %d: %s", step.Line, step.Command), func(t *testing.T) {
			if why := o.skip(step.Command); why != "" {
				t.Skip(why)
			}
			out, reached := output[i]
			require.True(t, reached, "not reached: a command before it failed")
			if missing := step.Missing(out.text); missing != "" {
				assert.Fail(t, "the page shows what is not printed", "%q is not (in this place) in:\n%s", missing, out.text)
			}
			assert.Equal(t, "0", out.code, "%s", out.text)
		})
	}
}

type result struct{ text, code string }

var marks = regexp.MustCompile(`(?ms)^=== (\d+)\n(.*?)^=== \d+ ended: (\d+)$`)

// run gives what each command printed, by step. It stops at the first that fails.
func (o *operator) run(ctx context.Context, t *testing.T, steps []transcript.Step) map[int]result {
	t.Helper()
	var script strings.Builder
	script.WriteString("set -o pipefail\n")
	for i, step := range steps {
		switch {
		case step.File != "":
			fmt.Fprintf(&script, "cat > %s <<'EOF of a file'\n%sEOF of a file\n", step.File, step.Content)
		case o.skip(step.Command) == "":
			fmt.Fprintf(&script, "echo '=== %[1]d'\n{ %[2]s\n} 2>&1\ncode=$?\necho; echo \"=== %[1]d ended: $code\"\n[ $code = 0 ] || exit 0\n", i, step.Command)
		}
	}
	shell := exec.CommandContext(ctx, "bash")
	shell.Dir, shell.Env, shell.Stdin = o.dir, o.env, strings.NewReader(script.String())
	printed, err := shell.CombinedOutput()
	require.NoError(t, err, "%s", printed)
	results := make(map[int]result)
	for _, m := range marks.FindAllStringSubmatch(string(printed), -1) {
		var i int
		_, err := fmt.Sscan(m[1], &i)
		require.NoError(t, err)
		results[i] = result{m[2], m[3]}
	}
	return results
}

// TestInstallingPage: an operator installs the chart from the docs on two real API
// servers, upgrades it, and removes it without leftovers, word by word. The clusters'
// light nodes run no images: what asks Meridian itself is left to clusters of real nodes.
func TestInstallingPage(t *testing.T) {
	planes := kplane.ForTest(t, "eu", "us")
	kubectl := filepath.Join(filepath.Dir(planes.Binary()), "assets", "kubectl")
	o := newOperator(t, planes.Kubeconfig(), kubectl)
	o.skip = func(command string) string {
		if strings.HasPrefix(command, "dig ") || strings.HasPrefix(command, "helm test ") {
			return "needs Pods of the image, which these clusters do not run"
		}
		return ""
	}
	o.walk(t, "../docs/installing.md")
}
