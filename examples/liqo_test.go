// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/controllers/translate"
)

// TestLiqoHasOneReplicaForEachCluster: as many nodes of gslb-eu may have a replica as there
// are replicas, of which no two get on one node; one of these nodes stands for gslb-us.
func TestLiqoHasOneReplicaForEachCluster(t *testing.T) {
	var deployment appsv1.Deployment
	raw, err := yaml.Marshal(documents(t, "liqo/podinfo.yaml")[0])
	require.NoError(t, err)
	require.NoError(t, yaml.UnmarshalStrict(raw, &deployment))
	affinity := deployment.Spec.Template.Spec.Affinity
	require.NotNil(t, affinity.NodeAffinity, "a server of k3s takes pods like any node")
	apart := affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	require.Len(t, apart, 1)
	assert.Equal(t, corev1.LabelHostname, apart[0].TopologyKey)
	assert.Equal(t, deployment.Spec.Template.Labels, apart[0].LabelSelector.MatchLabels)

	terms := affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	require.Len(t, terms, 1)
	require.Len(t, terms[0].MatchExpressions, 1)
	require.Equal(t, corev1.NodeSelectorOpDoesNotExist, terms[0].MatchExpressions[0].Operator)
	var allowed, virtual int32
	for _, doc := range documents(t, "liqo/testdata/gslb-eu.yaml") {
		if text(doc, "kind") != "Node" {
			continue
		}
		var node corev1.Node
		raw, err := yaml.Marshal(doc)
		require.NoError(t, err)
		require.NoError(t, yaml.UnmarshalStrict(raw, &node))
		if _, has := node.Labels[terms[0].MatchExpressions[0].Key]; has {
			continue
		}
		allowed++
		if cluster, is := translate.VirtualNode(&node); is {
			assert.Equal(t, "gslb-us", cluster)
			virtual++
		}
	}
	assert.Equal(t, *deployment.Spec.Replicas, allowed, "nodes that may have one")
	assert.Equal(t, int32(1), virtual, "nodes among them that stand for another cluster")
}
