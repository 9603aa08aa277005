// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// pageCommands are the commands of a page, in its order: what is indented outside of
// fences. A line that ends with a backslash goes on.
func pageCommands(page string) []string {
	var all []string
	fenced := false
	for line := range strings.Lines(strings.ReplaceAll(page, "\\\n", " ")) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if command, indented := strings.CutPrefix(line, "    "); indented && !fenced {
			all = append(all, strings.Join(strings.Fields(command), " "))
		}
	}
	return all
}

// k8gbStandsHere makes the Deployments that k8gb's chart makes.
func (p *place) k8gbStandsHere() {
	p.t.Helper()
	require.NoError(p.t, p.api.Create(p.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "k8gb"}}))
	for _, name := range []string{"k8gb", "k8gb-coredns", "k8gb-external-dns"} {
		d := &appsv1.Deployment{}
		require.NoError(p.t, yaml.Unmarshal([]byte(`spec: {replicas: 1, selector: {matchLabels: {a: b}},
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: main, image: none}]}}}`), d))
		d.Namespace, d.Name = "k8gb", name
		require.NoError(p.t, p.api.Create(p.t.Context(), d))
	}
}

// ofK8gbRuns names the Deployments of k8gb that are to run.
func (p *place) ofK8gbRuns() []string {
	p.t.Helper()
	var list appsv1.DeploymentList
	require.NoError(p.t, p.api.List(p.t.Context(), &list, client.InNamespace("k8gb")))
	var all []string
	for i := range list.Items {
		if *list.Items[i].Spec.Replicas > 0 {
			all = append(all, list.Items[i].Name)
		}
	}
	return all
}

// do runs a command of the page and gives what it prints.
func (p *place) do(command string) string {
	p.t.Helper()
	args := strings.Fields(command)
	if rest, ours := strings.CutPrefix(command, "kubectl meridian "); ours {
		var out bytes.Buffer
		root := newRoot()
		root.SetOut(&out)
		root.SetArgs(append(strings.Fields(rest), "--kubeconfig", p.kubeconfig))
		require.NoError(p.t, root.ExecuteContext(p.t.Context()), "%s\n%s", command, &out)
		return out.String()
	}
	require.Equal(p.t, "kubectl", args[0], command)
	cmd := exec.CommandContext(p.t.Context(), p.kubectl, args[1:]...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+p.kubeconfig, "KUBECACHEDIR="+p.t.TempDir())
	out, err := cmd.CombinedOutput()
	require.NoError(p.t, err, "%s\n%s", command, out)
	return string(out)
}

// TestMigrationPage does what docs/migrating-from-k8gb.md says, from its first command to
// its last, while clients ask all the time. Helm and dig are left out: the chart has tests
// of its own, and the addresses are the reader's.
func TestMigrationPage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/migrating-from-k8gb.md")
	require.NoError(t, err)
	page := string(text)
	block := func(kind string) string {
		_, rest, found := strings.Cut(page, "```"+kind+"\n")
		require.True(t, found, kind)
		text, _, found := strings.Cut(rest, "```")
		require.True(t, found, kind)
		return text
	}
	p := newPlace(t)
	p.k8gbStandsHere()
	p.applyText(block("yaml"))
	printed := make(map[string]string)
	var done []string
	for _, command := range pageCommands(page) {
		t.Log(command)
		switch {
		case strings.HasPrefix(command, "helm install meridian "):
			assert.Equal(t, []string{"k8gb-coredns"}, p.ofK8gbRuns(), "nothing of k8gb writes when Meridian moves the glue")
			p.meridian()
			p.ingress("shop", "192.0.2.1")
			p.watch("shop.cloud.example.com", "192.0.2.1")
		case strings.HasPrefix(command, "helm "), strings.HasPrefix(command, "dig "):
		default:
			printed[command] = p.do(command)
		}
		switch command {
		case "kubectl meridian migrate --undo --apply":
			p.collectGarbage(ofMeridian()...)
		case "kubectl meridian migrate --apply --remove-old":
			p.collectGarbage(ofK8gb()...)
		}
		done = append(done, command)
	}
	assert.Empty(t, p.ofK8gbRuns())
	assert.Equal(t, block("plan"), printed["kubectl meridian migrate"])
	assert.Contains(t, printed["kubectl get gslbs.k8gb.io -A"], "shop")
	assert.Contains(t, printed["kubectl get gslbs.gslb.meridian.dev -A"], "test-gslb   shop")
	assert.Contains(t, printed["kubectl meridian migrate --undo"], "that in k8gb.io/v1beta1 counts again")
	for _, command := range []string{"kubectl -n k8gb scale deployment k8gb --replicas 0", "kubectl meridian migrate --apply --remove-old",
		"kubectl delete crd gslbs.k8gb.io gslbs.k8gb.absa.oss zonedelegations.k8gb.io"} {
		assert.True(t, slices.Contains(done, command), "the page has %q", command)
	}
	p.watch("shop.cloud.example.com", "192.0.2.1")
	p.unchanged()
}
