// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

func sample() gslbv1beta1.Gslb {
	since := metav1.NewTime(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC))
	return gslbv1beta1.Gslb{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test-gslb", Name: "app"},
		Spec:       gslbv1beta1.GslbSpec{Strategy: gslbv1beta1.Strategy{Type: "failover"}},
		Status: gslbv1beta1.GslbStatus{
			GeoTag: "eu", Hosts: "app.cloud.example.com",
			Clusters: []gslbv1beta1.ClusterStatus{
				{Host: "app.cloud.example.com", GeoTag: "eu", Liveness: "self", Health: "Unhealthy", Addresses: []string{"192.0.2.1"}, Reason: "NoLocalReadyEndpoints", Since: &since},
				{Host: "app.cloud.example.com", GeoTag: "us", Liveness: "vouched", Health: "Healthy", Addresses: []string{"198.51.100.1"}, Reason: "Ready"},
			},
			Answers: []gslbv1beta1.AnswerStatus{{Host: "app.cloud.example.com", Type: "A", Addresses: []string{"198.51.100.1"}, Reason: "PrimaryUnavailable"}},
			Conditions: []metav1.Condition{
				{Type: "Accepted", Status: "True", Reason: "Accepted"},
				{Type: "Resolved", Status: "False", Reason: "AddressUnknown", Message: "the Ingress has no address yet"},
			},
		},
	}
}

func TestStatusShowsAnswersAndWhatStandsInTheWay(t *testing.T) {
	bare := gslbv1beta1.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "b"}}
	var b strings.Builder
	require.NoError(t, printStatus(&b, []gslbv1beta1.Gslb{sample(), bare}))
	assert.Contains(t, b.String(), "test-gslb  app   app.cloud.example.com  failover  eu:Unhealthy us:Healthy(vouched)  198.51.100.1  PrimaryUnavailable")
	assert.Contains(t, b.String(), "test-gslb/app: Resolved False: AddressUnknown: the Ingress has no address yet")
	assert.Contains(t, b.String(), "a/b: no status yet: is Meridian running in this cluster?")
}

func TestExplainShowsEveryCluster(t *testing.T) {
	g := sample()
	var b strings.Builder
	require.NoError(t, explainGslb(&b, &g, "app.cloud.example.com"))
	assert.Contains(t, b.String(), "eu       self      Unhealthy  192.0.2.1     NoLocalReadyEndpoints  2030-01-02T03:04:05Z")
	assert.Contains(t, b.String(), "A            198.51.100.1 (PrimaryUnavailable)")
}
