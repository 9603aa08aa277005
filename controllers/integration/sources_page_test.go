// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestSourcesPageOnAnAPIServer applies docs/sources.md as it stands, with the definitions of
// upstream, which refuse what their projects would; the answers are those of the page.
func TestSourcesPageOnAnAPIServer(t *testing.T) {
	data, err := os.ReadFile("../../docs/sources.md")
	require.NoError(t, err)
	install(t, append(slices.Concat(gatewayAPI(t, "gateways", "httproutes", "grpcroutes", "tlsroutes", "tcproutes", "udproutes", "referencegrants"),
		istioAPI(t), serviceImports(t)),
		customKind("networking.gke.io", "MultiClusterIngress", "multiclusteringresses", "v1")))
	s := newSite(t, server)
	page := string(data)
	for _, name := range []string{"shop", "infra", "platform", "istio-system"} {
		ns := namespace(t, s.api, nil)
		page = strings.ReplaceAll(page, "namespace: "+name+",", "namespace: "+ns+",")
		page = strings.ReplaceAll(page, "namespace: "+name+"}", "namespace: "+ns+"}")
		page = strings.ReplaceAll(page, "namespace: "+name+"\n", "namespace: "+ns+"\n")
		page = strings.ReplaceAll(page, "."+name+".svc", "."+ns+".svc")
	}
	t.Cleanup(func() {
		for _, name := range []string{"node-1", "node-2"} {
			node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
			require.NoError(t, client.IgnoreNotFound(s.api.Delete(context.WithoutCancel(t.Context()), node)))
		}
	})
	want := make(map[string][]string)
	for _, block := range regexp.MustCompile("(?s)```(yaml|console)\n(.*?)```").FindAllStringSubmatch(page, -1) {
		if block[1] == "yaml" {
			applyAll(t, s.api, "", strings.TrimSuffix(block[2], "\n"))
			continue
		}
		for _, part := range strings.Split("\n"+block[2], "\n$ dig +short ")[1:] {
			lines := strings.Fields(part)
			want[lines[0]] = lines[1:]
		}
	}
	require.GreaterOrEqual(t, len(want), 11)
	for host, addresses := range want {
		s.answers(host, addresses...)
	}
}
