// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

func TestConditionsAreCounted(t *testing.T) {
	scheme, err := NewScheme()
	require.NoError(t, err)
	g := func(name, status, reason string) *gslbv1beta1.Gslb {
		return &gslbv1beta1.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: name}, Status: gslbv1beta1.GslbStatus{
			Conditions: []metav1.Condition{{Type: "Serving", Status: metav1.ConditionStatus(status), Reason: reason}},
		}}
	}
	objects := fake.NewClientBuilder().WithScheme(scheme).WithObjects(g("x", "True", "Serving"), g("y", "True", "Serving"), g("z", "False", "AllUnhealthy")).Build()
	synced := make(chan struct{})
	v := newInventory(objects, synced)
	assert.Zero(t, testutil.CollectAndCount(v), "nothing is said before everything was read")
	close(synced)
	require.NoError(t, testutil.CollectAndCompare(v, strings.NewReader(`
# HELP meridian_controllers_gslb_conditions Gslbs by type, status and reason of their conditions.
# TYPE meridian_controllers_gslb_conditions gauge
meridian_controllers_gslb_conditions{reason="AllUnhealthy",status="False",type="Serving"} 1
meridian_controllers_gslb_conditions{reason="Serving",status="True",type="Serving"} 2
`)))
}
