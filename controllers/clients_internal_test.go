// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
)

func TestWhichServicesHideTheirClients(t *testing.T) {
	for _, c := range []struct {
		kind   corev1.ServiceType
		policy corev1.ServiceExternalTrafficPolicy
		hides  bool
		why    string
	}{
		{corev1.ServiceTypeLoadBalancer, corev1.ServiceExternalTrafficPolicyCluster, true, "the node that takes a packet puts its own address in"},
		{corev1.ServiceTypeLoadBalancer, "", true, "Cluster is the default"},
		{corev1.ServiceTypeLoadBalancer, corev1.ServiceExternalTrafficPolicyLocal, false, "only nodes with a Pod take packets"},
		{corev1.ServiceTypeNodePort, corev1.ServiceExternalTrafficPolicyCluster, true, "a port of every node"},
		{corev1.ServiceTypeNodePort, corev1.ServiceExternalTrafficPolicyLocal, false, "a port of those with a Pod"},
		{corev1.ServiceTypeClusterIP, "", false, "clients are Pods"},
	} {
		svc := &corev1.Service{Spec: corev1.ServiceSpec{Type: c.kind, ExternalTrafficPolicy: c.policy}}
		assert.Equal(t, c.hides, hidesClients(svc), "%s %s: %s", c.kind, c.policy, c.why)
		var told []bool
		glue, err := newGlue(&Config{Asker: &askerOf{}}, nil, func() {})
		assert.NoError(t, err)
		col := &collector{cfg: &Config{HideClients: func(hidden bool) { told = append(told, hidden) }}, glue: glue}
		col.observeOwn(svc)
		col.observeOwn(nil)
		assert.Equal(t, []bool{c.hides}, told, "a Service that is gone says nothing")
	}
}
