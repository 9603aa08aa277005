// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meridian-gslb/meridian/gslb"
)

func deployment(namespace string, asked *int32, there int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "k8gb"},
		Spec:       appsv1.DeploymentSpec{Replicas: asked}, Status: appsv1.DeploymentStatus{Replicas: there},
	}
}

func TestOperatorRunsWhileAnyOfItDoesOrMay(t *testing.T) {
	m, err := newMetrics(prometheus.NewRegistry())
	require.NoError(t, err)
	store, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id"})
	require.NoError(t, err)
	o := newOperator(slog.New(slog.DiscardHandler), m, store)
	ended := 0
	o.ended = func() { ended++ }
	none, one := new(int32), new(int32(1))
	a := deployment("a", nil, 0)
	for _, c := range []struct {
		why   string
		event event
		runs  string
		ended int
	}{
		{"it is asked for by default", event{is: a}, "a/k8gb", 0},
		{"a second one", event{is: deployment("b", one, 1)}, "a/k8gb, b/k8gb", 0},
		{"one was removed", event{was: a}, "b/k8gb", 0},
		{"none is asked for, and one is still there", event{is: deployment("b", none, 1)}, "b/k8gb", 0},
		{"it is gone", event{is: deployment("b", none, 0)}, "", 1},
		{"and stays so", event{was: deployment("b", none, 0)}, "", 1},
	} {
		o.on(c.event)
		assert.Equal(t, c.runs, o.running(), c.why)
		assert.Equal(t, c.ended, ended, c.why)
	}
}
