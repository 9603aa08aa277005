// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/externaldns"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// TestTypesThatAreReadAreThoseThatAreServed: objects are refused here what the union of
// all clusters would leave out.
func TestTypesThatAreReadAreThoseThatAreServed(t *testing.T) {
	for typ := range uint16(65535) {
		assert.Equal(t, gslb.ServableType(typ), rdata.Servable(typ) == nil, "type %d", typ)
	}
	assert.False(t, gslb.ServableType(65535))
}

func TestOurOwnDNSEndpointsAreNoSource(t *testing.T) {
	assert.NotEqual(t, gslbv1beta1.LabelServe, externaldns.LabelDelegation)
	e := &dnsendpoint.DNSEndpoint{ObjectMeta: metav1.ObjectMeta{Namespace: "meridian", Name: "x",
		Labels: map[string]string{gslbv1beta1.LabelServe: gslbv1beta1.ServeTrue, externaldns.LabelDelegation: externaldns.LabelValue}}}
	e.Spec.Endpoints = []dnsendpoint.Endpoint{{DNSName: "x.cloud.example.com", RecordType: "A", Targets: []string{"192.0.2.1"}}}
	out := zonesWith(e)
	assert.Empty(t, out.Zones[0].Records)
	require.Len(t, out.Findings, 1)
	assert.Contains(t, out.Findings[0].Message, "Meridian's own")
}

func zonesWith(endpoints ...*dnsendpoint.DNSEndpoint) translate.ZonesOutput {
	zone := gslb.ZoneIntent{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com")}
	return translate.Zones(translate.ZonesInput{Self: "eu", Flags: []gslb.ZoneIntent{zone}, Endpoints: endpoints})
}

func many(namespace string, age, n int, target string) *dnsendpoint.DNSEndpoint {
	e := &dnsendpoint.DNSEndpoint{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "many",
		Labels: map[string]string{gslbv1beta1.LabelServe: gslbv1beta1.ServeTrue}}}
	e.CreationTimestamp = metav1.Unix(int64(1_000_000-age), 0)
	for i := range n {
		e.Spec.Endpoints = append(e.Spec.Endpoints, dnsendpoint.Endpoint{DNSName: fmt.Sprintf("%s-%d.cloud.example.com", namespace, i), RecordType: "TXT", Targets: []string{target}})
	}
	return e
}

// TestAClusterStatesABoundedNumberOfRecords: what is beyond is left out and said, from the
// newest object.
func TestAClusterStatesABoundedNumberOfRecords(t *testing.T) {
	out := zonesWith(many("young", 1, 100, "x"), many("old", 2, translate.MaxRecords-50, "x"))
	assert.Len(t, out.Zones[0].Records, translate.MaxRecords)
	require.Len(t, out.Findings, 50)
	for _, f := range out.Findings {
		assert.Equal(t, "young", f.On.Namespace)
		assert.Equal(t, gslbv1beta1.ReasonTooManyRecords, f.Reason)
		assert.True(t, f.Bad)
	}
}

func TestDataOfANameAreBounded(t *testing.T) {
	e := many("a", 1, 3, strings.Repeat("x", 7000))
	e.Spec.Endpoints[1].Targets = []string{strings.Repeat("x", 9000)}
	for i := range 4 {
		e.Spec.Endpoints[2].Targets = append(e.Spec.Endpoints[2].Targets, fmt.Sprint(i)+strings.Repeat("y", 7000))
	}
	out := zonesWith(e)
	require.Len(t, out.Zones[0].Records, 1)
	require.Len(t, out.Findings, 2)
	assert.Contains(t, out.Findings[0].Message, "too long")
	assert.Contains(t, out.Findings[1].Message, "more than 30000 octets together")
}
