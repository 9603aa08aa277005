// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/chart/internal/helm"
	"github.com/meridian-gslb/meridian/chart/internal/transcript"
	"github.com/meridian-gslb/meridian/internal/kplane"
	"github.com/meridian-gslb/meridian/internal/sites"
)

// An operator is a shell of somebody who has checked out the repository: helm and
// kubectl in the PATH, contexts in the kubeconfig, an empty folder to write files into.
type operator struct {
	dir    string
	env    []string
	shell  func(ctx context.Context) *exec.Cmd // bash
	skip   func(command string) string         // why a command is not run; "": it is
	before func(command string) string         // a script of what the page tells in words
}

// newOperator makes the folder in another one, with the checkout's folders in it, and helm.
func newOperator(t *testing.T, at, kubeconfig, kubectl string) *operator {
	t.Helper()
	dir, bin, cache := filepath.Join(at, "checkout"), filepath.Join(at, "programs"), filepath.Join(at, "cache")
	for _, folder := range []string{dir, bin, cache} {
		require.NoError(t, os.Mkdir(folder, 0o700))
	}
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	for _, name := range []string{"chart", "docs", "api"} {
		// A copy: a checkout below /tmp is not seen from inside a site.
		require.NoError(t, os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(root, name))))
	}
	require.NoError(t, os.Symlink(kubectl, filepath.Join(bin, "kubectl")))
	build := exec.CommandContext(t.Context(), "go", "build", "-modfile=hack/tools/go.mod", "-o", filepath.Join(bin, "helm"), "helm.sh/helm/v4/cmd/helm")
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return &operator{
		dir:    dir,
		env:    []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "KUBECONFIG=" + kubeconfig, "HOME=" + dir, "KUBECACHEDIR=" + cache},
		shell:  func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, "bash") },
		skip:   func(string) string { return "" },
		before: func(string) string { return "" },
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
	printed, output := o.run(t.Context(), t, steps)
	for i, step := range steps {
		if step.File != "" {
			continue
		}
		t.Run(fmt.Sprintf("line %d: %s", step.Line, step.Command), func(t *testing.T) {
			if why := o.skip(step.Command); why != "" {
				t.Skip(why)
			}
			out, reached := output[i]
			require.True(t, reached, "not reached; what was printed ends with: %s", printed[max(0, len(printed)-2000):])
			if missing := step.Missing(out.text); missing != "" {
				assert.Fail(t, "the page shows what is not printed", "%q is not (in this place) in:\n%s", missing, out.text)
			}
			assert.Equal(t, "0", out.code, "%s", out.text)
		})
		if t.Failed() {
			return // what follows depends on it
		}
	}
}

type result struct{ text, code string }

// patient asks a name server again until it answers what the page shows, for a minute:
// what somebody types takes longer to type than clusters to find each other. Records of a
// set have no order, so they are sorted.
func patient(step transcript.Step) string {
	if !strings.HasPrefix(step.Command, "dig ") {
		return step.Command
	}
	var shown strings.Builder
	for _, line := range step.Output {
		fmt.Fprintf(&shown, " && grep -qF '%s' <<< \"$out\"", strings.Join(strings.Fields(line), " "))
	}
	return fmt.Sprintf("for i in {1..120}; do out=$(%s 2>&1 | tr -s '\\t ' ' ' | sort); [ -n \"$out\" ]%s && break; sleep 0.5; done; echo \"$out\"", step.Command, shown.String())
}

var marks = regexp.MustCompile(`(?ms)^=== (\d+)\n(.*?)^=== \d+ ended: (\d+)$`)

// run gives what was printed, and by each step. It stops at the first that fails.
func (o *operator) run(ctx context.Context, t *testing.T, steps []transcript.Step) (string, map[int]result) {
	t.Helper()
	var script strings.Builder
	fmt.Fprintf(&script, "set -o pipefail\ncd %s || exit\n", o.dir)
	for i, step := range steps {
		switch {
		case step.File != "":
			fmt.Fprintf(&script, "cat > %s <<'EOF of a file'\n%sEOF of a file\n", step.File, step.Content)
		case o.skip(step.Command) == "":
			fmt.Fprintf(&script, "%[3]s\necho '=== %[1]d'\n{ %[2]s\n} 2>&1\ncode=$?\necho; echo \"=== %[1]d ended: $code\"\n[ $code = 0 ] || exit 0\n",
				i, patient(step), o.before(step.Command))
		}
	}
	shell := o.shell(ctx)
	shell.Dir, shell.Env, shell.Stdin = o.dir, append(os.Environ(), append(shell.Env, o.env...)...), strings.NewReader(script.String())
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s", out)
	printed := string(out)
	results := make(map[int]result)
	for _, m := range marks.FindAllStringSubmatch(printed, -1) {
		var i int
		_, err := fmt.Sscan(m[1], &i)
		require.NoError(t, err)
		results[i] = result{m[2], m[3]}
	}
	return printed, results
}

// TestInstallingPage: an operator installs the chart from the docs on two real API
// servers, upgrades it, and removes it without leftovers, word by word. The clusters'
// light nodes run no images: what asks Meridian itself is left to clusters of real nodes.
func TestInstallingPage(t *testing.T) {
	planes := kplane.ForTest(t, "eu", "us")
	o := newOperator(t, t.TempDir(), planes.Kubeconfig(), filepath.Join(filepath.Dir(planes.Binary()), "assets", "kubectl"))
	o.skip = func(command string) string {
		if strings.HasPrefix(command, "dig ") || strings.HasPrefix(command, "helm test ") {
			return "needs Pods of the image, which these clusters do not run"
		}
		if strings.Contains(command, "get zonedelegations") {
			return "needs Meridian, which makes the object"
		}
		return ""
	}
	o.walk(t, "../docs/installing.md")
}

// TestInstallingPageOnRealNodes: the same page, where Pods run this source's image and
// the edge zone is served by BIND, set up as its page says. Nothing is left out.
func TestInstallingPageOnRealNodes(t *testing.T) {
	if _, err := exec.LookPath("named"); err != nil {
		t.Skip("needs BIND: ", err)
	}
	set := sites.ForTest(t, "edge", "eu", "us")
	require.NoError(t, set.Import(t.Context(), releasedImage(t)))
	edge := set.Site("edge").Wan().String()
	for _, cluster := range []string{"eu", "us"} {
		_, err := set.Exec(t.Context(), cluster, "ip", "route", "add", "192.0.2.53/32", "via", edge)
		require.NoError(t, err)
	}
	_, err := set.Exec(t.Context(), "edge", "ip", "address", "add", "192.0.2.53/32", "dev", "lo")
	require.NoError(t, err)
	o := newOperator(t, set.Dir(), inside(t, set, "eu", "us"), filepath.Join(set.Dir(), "bin", "kubectl"))
	o.shell = func(ctx context.Context) *exec.Cmd { // somebody who can reach what users reach
		cmd, err := set.Command(ctx, "edge", "bash")
		require.NoError(t, err)
		return cmd
	}
	o.before = func(command string) string {
		if command == "kubectl --context eu create namespace meridian" {
			return startBIND
		}
		return ""
	}
	o.walk(t, "../docs/installing.md")
}

// inside makes a kubeconfig with contexts of clusters, for who is inside a site.
func inside(t *testing.T, set *sites.Set, clusters ...string) string {
	t.Helper()
	dir := set.Dir() // what else lies in /tmp is not seen there
	var files []string
	for _, cluster := range clusters {
		own, err := set.Exec(t.Context(), cluster, "kubectl", "config", "view", "--raw", "--flatten")
		require.NoError(t, err)
		files = append(files, filepath.Join(dir, "kubeconfig-"+cluster))
		require.NoError(t, os.WriteFile(files[len(files)-1], []byte(own), 0o600))
	}
	join := exec.CommandContext(t.Context(), filepath.Join(set.Dir(), "bin", "kubectl"), "config", "view", "--raw", "--flatten")
	join.Env = append(os.Environ(), "KUBECONFIG="+strings.Join(files, ":"))
	all, err := join.Output()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kubeconfig-inside"), all, 0o600))
	return filepath.Join(dir, "kubeconfig-inside")
}

// startBIND does what the page tells in words: the block of the page about BIND, with the
// keys that were made, and a zone. It ends with the shell.
const startBIND = `mkdir bind
sed -n '/^` + "```" + `named.conf$/,/^` + "```" + `$/p' docs/edge/bind.md | sed '1d;$d' |
  sed "s|SECRET-OF-EU|$(cat edge-eu.key)|; s|SECRET-OF-US|$(cat edge-us.key)|; s|/var/lib/bind|$PWD/bind|" > bind/named.conf
cat >> bind/named.conf <<EOF
options { directory "$PWD/bind"; pid-file none; session-keyfile none; recursion no; listen-on { 192.0.2.53; }; listen-on-v6 { none; }; };
controls {};
EOF
cat > bind/example.com.zone <<'EOF'
$TTL 300
@ IN SOA ns.example.com. hostmaster.example.com. 1 3600 600 86400 30
@ IN NS ns.example.com.
ns IN A 192.0.2.53
EOF
named -4 -g -c $PWD/bind/named.conf > bind/log 2>&1 < /dev/null &
trap "kill $!; wait" EXIT
`

// releasedImage makes the image of this source under the name and tag that the chart asks for.
func releasedImage(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	chart, err := helm.Load(helm.ChartDir())
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "go", "-C", "../hack/image", "run", ".", "meridian", "--source", "../..",
		"--out", dir, "--bin", filepath.Join(dir, "bin"), "--tag", chart.AppVersion(), "--version", chart.AppVersion(), "--arch", runtime.GOARCH)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return filepath.Join(dir, "meridian.tar")
}
