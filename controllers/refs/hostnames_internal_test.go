// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestIntersect(t *testing.T) {
	for _, c := range []struct{ a, b, want, why string }{
		{"a.example.com", "", "a.example.com", "a listener without a name takes all"},
		{"*.example.com", "*", "*.example.com", "so does a star"},
		{"", "a.example.com", "a.example.com", "a route without a name has the listener's"},
		{"A.Example.com", "a.example.com", "a.example.com", "capitals do not matter"},
		{"a.example.com", "*.example.com", "a.example.com", "below a wildcard"},
		{"a.b.example.com", "*.example.com", "a.b.example.com", "however deep"},
		{"*.example.com", "a.b.example.com", "a.b.example.com", "the other way round"},
		{"*.b.example.com", "*.example.com", "*.b.example.com", "the narrower wildcard"},
		{"*.example.com", "*.b.example.com", "*.b.example.com", "of either"},
		{"example.com", "*.example.com", "", "a wildcard is not its parent"},
		{"*.example.com", "example.com", "", "nor the other way round"},
		{"*.anexample.com", "*.example.com", "", "labels, not letters"},
		{"a.example.com", "b.example.com", "", "two names"},
		{"*.a.example.com", "*.b.example.com", "", "two wildcards"},
	} {
		got, both := intersect(c.a, c.b)
		assert.Equal(t, c.want != "", both, c.why)
		assert.Equal(t, c.want, got, c.why)
	}
}

func TestBetweenClusters(t *testing.T) {
	service := func(ns, name string, labels map[string]string, ports ...int32) *corev1.Service {
		svc := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: labels}}
		for _, p := range ports {
			svc.Spec.Ports = append(svc.Spec.Ports, corev1.ServicePort{Port: p})
		}
		return svc
	}
	for _, c := range []struct {
		svc *corev1.Service
		is  bool
		why string
	}{
		{service("istio-system", "istio-ingressgateway", map[string]string{"istio": "ingressgateway"}, 80, 443, 15443), false, "an entry that has the port too"},
		{service("istio-system", "istio-eastwestgateway", map[string]string{"istio": "eastwestgateway"}, 15443), true, "by its label"},
		{service("mesh", "cross", nil, 15021, 15443), true, "by its port"},
		{service("linkerd-multicluster", "linkerd-gateway", nil, 4143), true, "Linkerd's"},
		{service("test", "linkerd-gateway", nil, 80), false, "somebody's who calls it so"},
		{service("submariner-operator", "submariner-gateway", nil, 4500), true, "Submariner's"},
		{service("liqo", "gw", map[string]string{"networking.liqo.io/gateway": "x"}, 51820), true, "Liqo's"},
		{service("test", "web", map[string]string{"app": "web"}, 80), false, "an application"},
	} {
		assert.Equal(t, c.is, betweenClusters(c.svc) != "", c.why)
	}
}

func TestStripKeepsWhatIsRead(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n", Annotations: map[string]string{"a": "b"}}}
	node.Spec.PodCIDR = "10.0.0.0/24"
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeMemoryPressure}, {Type: corev1.NodeReady, Status: corev1.ConditionTrue, Message: "fine"}}
	node.Status.Images = []corev1.ContainerImage{{Names: []string{"x"}}}
	node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeExternalIP, Address: "192.0.2.1"}}
	Strip(node)
	assert.Equal(t, corev1.NodeStatus{
		Addresses:  []corev1.NodeAddress{{Type: corev1.NodeExternalIP, Address: "192.0.2.1"}},
		Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
	}, node.Status)
	assert.True(t, nodeReady(node))
	for _, row := range Kinds() {
		if row.Optional {
			obj := row.New()
			obj.SetName("kept")
			obj.SetLabels(map[string]string{"kept": "yes"})
			obj.SetAnnotations(map[string]string{"kept": "yes", corev1.LastAppliedConfigAnnotation: "{}"})
			Strip(obj)
			assert.Equal(t, "kept", obj.GetName())
			assert.Equal(t, map[string]string{"kept": "yes"}, obj.GetLabels())
			assert.Equal(t, map[string]string{"kept": "yes"}, obj.GetAnnotations(), row.Kind)
		}
	}
}
