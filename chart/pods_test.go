// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/meridian-gslb/meridian/chart/internal/helm"
)

// pod gives the template of the Pods.
func pod(t *testing.T, all []object) corev1.PodTemplateSpec {
	t.Helper()
	if has(all, "DaemonSet", "meridian") {
		return as[appsv1.DaemonSet](t, find(t, all, "DaemonSet", "meridian")).Spec.Template
	}
	return as[appsv1.Deployment](t, find(t, all, "Deployment", "meridian")).Spec.Template
}

// pods gives those of every object that has some, by kind and name.
func pods(t *testing.T, all []object) map[string]corev1.PodSpec {
	t.Helper()
	found := make(map[string]corev1.PodSpec)
	for _, o := range all {
		switch o.GetKind() {
		case "Deployment":
			found[o.GetKind()+" "+o.GetName()] = as[appsv1.Deployment](t, &o).Spec.Template.Spec
		case "DaemonSet":
			found[o.GetKind()+" "+o.GetName()] = as[appsv1.DaemonSet](t, &o).Spec.Template.Spec
		case "Pod":
			found[o.GetKind()+" "+o.GetName()] = as[corev1.Pod](t, &o).Spec
		}
	}
	require.NotEmpty(t, found)
	return found
}

// TestPodsMayDoLittle: no Pod of the chart has a right on its node that it does not need.
// Port 53 of a node is the only one that takes root, with one capability.
func TestPodsMayDoLittle(t *testing.T) {
	for name, values := range variants(t) {
		for which, spec := range pods(t, render(t, values)) {
			t.Run(name+"/"+which, func(t *testing.T) {
				c := spec.Containers[0].SecurityContext
				assert.True(t, *c.ReadOnlyRootFilesystem)
				assert.False(t, *c.AllowPrivilegeEscalation)
				assert.Equal(t, []corev1.Capability{"ALL"}, c.Capabilities.Drop)
				assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, spec.SecurityContext.SeccompProfile.Type)
				if spec.HostNetwork {
					assert.Equal(t, []corev1.Capability{"NET_BIND_SERVICE"}, c.Capabilities.Add)
					assert.Zero(t, *spec.SecurityContext.RunAsUser)
					return
				}
				assert.Empty(t, c.Capabilities.Add)
				assert.True(t, *spec.SecurityContext.RunAsNonRoot)
				assert.EqualValues(t, 65532, *spec.SecurityContext.RunAsUser)
			})
		}
	}
}

// TestHostNetworkOnAnUnprivilegedPort needs no root.
func TestHostNetworkOnAnUnprivilegedPort(t *testing.T) {
	values := variants(t)["deployment-hostnetwork"]
	values["dns"].(helm.Values)["listen"] = []any{"203.0.113.10:5353"}
	spec := pod(t, render(t, values)).Spec
	assert.True(t, spec.HostNetwork)
	assert.True(t, *spec.SecurityContext.RunAsNonRoot)
	assert.Empty(t, spec.Containers[0].SecurityContext.Capabilities.Add)
	assert.EqualValues(t, 5353, spec.Containers[0].Ports[0].ContainerPort)

	values["dns"].(helm.Values)["tls"] = helm.Values{"secretName": "dns-tls"}
	spec = pod(t, render(t, values)).Spec
	assert.False(t, *spec.SecurityContext.RunAsNonRoot, "DNS over TLS is on port 853 of the node")
}

// TestProbes: only a process that does not answer is restarted, and late; whether a Pod
// gets questions is seen soon.
func TestProbes(t *testing.T) {
	spec := pod(t, render(t, variants(t)["default"])).Spec
	live, ready := spec.Containers[0].LivenessProbe, spec.Containers[0].ReadinessProbe
	assert.Equal(t, "/healthz", live.HTTPGet.Path)
	assert.Equal(t, "/readyz", ready.HTTPGet.Path)
	assert.Equal(t, "probes", live.HTTPGet.Port.StrVal)
	assert.GreaterOrEqual(t, live.PeriodSeconds*live.FailureThreshold, int32(30))
	assert.LessOrEqual(t, ready.PeriodSeconds*ready.FailureThreshold, int32(10))
	assert.Nil(t, spec.Containers[0].StartupProbe)
	assert.False(t, *spec.EnableServiceLinks, "MERIDIAN_… of Services are no flags")
}

// TestUpdatesNeverAddWhereAPortIsTaken: Pods of a node's network go one after the other.
func TestUpdatesNeverAddWhereAPortIsTaken(t *testing.T) {
	for name, want := range map[string][2]int{"default": {0, 1}, "deployment-hostnetwork": {1, 0}} {
		d := as[appsv1.Deployment](t, find(t, render(t, variants(t)[name]), "Deployment", "meridian"))
		assert.Equal(t, want[0], d.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue(), name)
		assert.Equal(t, want[1], d.Spec.Strategy.RollingUpdate.MaxSurge.IntValue(), name)
	}
}

// TestPodsRestartWithTheConfiguration: a changed file restarts the Pods, another value does not.
func TestPodsRestartWithTheConfiguration(t *testing.T) {
	sum := func(change func(helm.Values)) string {
		values := variants(t)["default"]
		change(values)
		return pod(t, render(t, values)).Annotations["checksum/config"]
	}
	same := sum(func(helm.Values) {})
	assert.Equal(t, same, sum(func(v helm.Values) { v["replicas"] = 5 }))
	assert.NotEqual(t, same, sum(func(v helm.Values) { v["logLevel"] = "debug" }))
}

// TestServiceLeadsToPods: its selector and ports are those of the Pods, for both protocols.
func TestServiceLeadsToPods(t *testing.T) {
	for name, values := range variants(t) {
		t.Run(name, func(t *testing.T) {
			all := render(t, values)
			template := pod(t, all)
			named := make(map[string]corev1.Protocol)
			for _, p := range template.Spec.Containers[0].Ports {
				named[p.Name] = p.Protocol
			}
			service := as[corev1.Service](t, find(t, all, "Service", "meridian"))
			for k, v := range service.Spec.Selector {
				assert.Equal(t, v, template.Labels[k])
				assert.NotEqual(t, service.Spec.Selector, find(t, all, "Pod", "meridian-test").GetLabels())
			}
			ports := map[string]int32{"dns-tcp": 53, "dns-udp": 53}
			if name == "everything" {
				ports["dns-tls"] = 853
			}
			require.Len(t, service.Spec.Ports, len(ports))
			for _, p := range service.Spec.Ports {
				assert.Equal(t, ports[p.Name], p.Port)
				assert.Equal(t, named[p.TargetPort.StrVal], p.Protocol)
			}
			assert.NotEqual(t, service.Spec.Selector["app.kubernetes.io/component"],
				find(t, all, "Pod", "meridian-test").GetLabels()["app.kubernetes.io/component"], "the test Pod answers nobody")
		})
	}
}

// TestPolicyLetsThroughWhatTheValuesName: ports of servers that do not listen on 53.
func TestPolicyLetsThroughWhatTheValuesName(t *testing.T) {
	open := func(values helm.Values) map[int]bool {
		p := as[networkingv1.NetworkPolicy](t, find(t, render(t, values), "NetworkPolicy", "meridian"))
		ports := make(map[int]bool)
		for _, port := range p.Spec.Egress[1].Ports {
			ports[port.Port.IntValue()] = true
		}
		return ports
	}
	ports := func(name string) map[int]bool { return open(variants(t)[name]) }
	assert.Equal(t, map[int]bool{53: true, 5353: true}, ports("default"))
	assert.Equal(t, map[int]bool{53: true, 5353: true, 5300: true, 5454: true}, ports("existing-secrets"))
	for _, peers := range []any{"us=192.0.2.7:5053,ap=192.0.2.8", []any{"us=192.0.2.7:5053"}} {
		values := variants(t)["default"]
		values["config"] = map[string]any{"k8gb-peers": peers}
		assert.Equal(t, map[int]bool{53: true, 5353: true, 5053: true}, open(values), "%v", peers)
	}
	assert.False(t, has(render(t, variants(t)["daemonset-hostnetwork"]), "NetworkPolicy", "meridian"), "it has no effect on nodes")
}
