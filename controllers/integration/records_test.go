// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// served waits until the static records of a zone are these, each as "name TYPE data".
func (s *site) served(zone string, want ...string) {
	s.t.Helper()
	eventually(s.t, func() error {
		var got []string
		if z := s.store.World().Zone(gslb.MustName(zone)); z != nil && z.Static != nil {
			for _, set := range z.Static.Sets {
				got = append(got, fmt.Sprintf("%s %s %s", set.Name, rdata.TypeName(set.Type), strings.Join(set.Data, " | ")))
			}
		}
		if !slices.Equal(got, want) {
			return notYet("the records of %s are %q, not %q", zone, got, want)
		}
		return nil
	})
}

// TestRecordsOfAZoneDelegation: what is stated gets into the Store, and a conflict is a
// condition and an event for as long as it lasts.
func TestRecordsOfAZoneDelegation(t *testing.T) {
	s := newSite(t, server)
	zd := zoneDelegation("rec", "rec.example.org")
	zd.Spec.Records = []gslbv1beta1.Record{
		{Name: "www", Type: "HTTPS", RData: []gslbv1beta1.RData{"1 . alpn=h2,h3"}},
		{Name: "shop", Type: "TXT", RData: []gslbv1beta1.RData{"beside the host"}},
		{Name: "shop", Type: "A", RData: []gslbv1beta1.RData{"192.0.2.9"}},
		{Name: "new", Type: "TYPE65280", RData: []gslbv1beta1.RData{`\# 3 ABCDEF`}},
	}
	delegation(t, s.api, zd)
	always := []string{`new.rec.example.org TYPE65280 \# 3 abcdef`}
	www := `www.rec.example.org HTTPS 1 . alpn="h2,h3"`
	s.served("rec.example.org", append(always, "shop.rec.example.org A 192.0.2.9", `shop.rec.example.org TXT "beside the host"`, www)...)
	s.zoneCondition("rec", gslbv1beta1.ConditionRecordsServed, metav1.ConditionTrue, gslbv1beta1.ReasonRecordsServed)

	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	ingress(t, s.api, ingressOf(ns, "web", "shop.rec.example.org", "shop", nil), "192.0.2.1")
	g := referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})
	require.NoError(t, s.api.Create(t.Context(), g))
	s.answers("shop.rec.example.org", "192.0.2.1")
	s.served("rec.example.org", append(always, `shop.rec.example.org TXT "beside the host"`, www)...)
	got := s.zoneCondition("rec", gslbv1beta1.ConditionRecordsServed, metav1.ConditionFalse, gslbv1beta1.ReasonRecordConflicted)
	message := meta.FindStatusCondition(got.Status.Conditions, gslbv1beta1.ConditionRecordsServed).Message
	assert.Equal(t, "not served: shop.rec.example.org A: it is a balanced host, whose addresses are served (stated by eu)", message)
	s.told("ZoneDelegation", "default", "rec", "Warning RecordConflicted not served: shop.rec.example.org A")
	assert.Empty(t, s.quiet(), "a conflict that goes on is written once")

	require.NoError(t, s.api.Delete(t.Context(), g))
	s.zoneCondition("rec", gslbv1beta1.ConditionRecordsServed, metav1.ConditionTrue, gslbv1beta1.ReasonRecordsServed)
	s.told("ZoneDelegation", "default", "rec", "Normal RecordConflictEnded")

	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"records":null}}`))
	require.NoError(t, s.api.Patch(t.Context(), zd, patch))
	s.served("rec.example.org")
	eventually(t, func() error {
		require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(zd), zd))
		if meta.FindStatusCondition(zd.Status.Conditions, gslbv1beta1.ConditionRecordsServed) != nil {
			return notYet("the condition is there: %v", zd.Status.Conditions)
		}
		return nil
	})
}

// TestAConflictWithAPeerIsACondition, and it goes with the peer's record.
func TestAConflictWithAPeerIsACondition(t *testing.T) {
	s := newSite(t, server)
	zd := zoneDelegation("two", "two.example.org")
	zd.Spec.Records = []gslbv1beta1.Record{{Name: "c", Type: "CNAME", RData: []gslbv1beta1.RData{"a.example.net"}}}
	delegation(t, s.api, zd)
	s.served("two.example.org", "c.two.example.org CNAME a.example.net.")
	report := &gslb.Report{
		Cluster: "us", ClusterID: "us-id", Instance: "us-1", Zone: gslb.MustName("two.example.org"), EdgeZone: gslb.MustName("example.org"), Serial: 1, Mark: 1,
		Records: []gslb.Record{{Name: gslb.MustName("c.two.example.org"), Type: 16, TTL: 60, Data: `"x"`}},
	}
	require.NoError(t, s.store.SetReport(report))
	got := s.zoneCondition("two", gslbv1beta1.ConditionRecordsServed, metav1.ConditionFalse, gslbv1beta1.ReasonRecordConflicted)
	assert.Contains(t, meta.FindStatusCondition(got.Status.Conditions, gslbv1beta1.ConditionRecordsServed).Message, "c.two.example.org CNAME: the name has other records, which are served; a CNAME stands alone (stated by eu)")
	agreed := *report
	agreed.Records, agreed.Mark = nil, 2
	require.NoError(t, s.store.SetReport(&agreed))
	s.zoneCondition("two", gslbv1beta1.ConditionRecordsServed, metav1.ConditionTrue, gslbv1beta1.ReasonRecordsServed)
}

func endpointsOf(ns, name string, endpoints ...dnsendpoint.Endpoint) *dnsendpoint.DNSEndpoint {
	return &dnsendpoint.DNSEndpoint{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: map[string]string{gslbv1beta1.LabelServe: gslbv1beta1.ServeTrue}},
		Spec:       dnsendpoint.Spec{Endpoints: endpoints},
	}
}

func txt(name, data string) dnsendpoint.Endpoint {
	return dnsendpoint.Endpoint{DNSName: name, RecordType: "TXT", Targets: []string{data}}
}

// TestDNSEndpointsStateRecords: the kind is installed while the site runs, its objects
// come, change and go, and it is removed again.
func TestDNSEndpointsStateRecords(t *testing.T) {
	s := newSite(t, server, impatient)
	zd := zoneDelegation("ep", "ep.example.org")
	zd.Spec.AllowedNamespaces = &gslbv1beta1.LabelSelector{MatchLabels: map[string]gslbv1beta1.LabelValue{"records": "yes"}}
	delegation(t, s.api, zd)
	s.zoneCondition("ep", gslbv1beta1.ConditionAccepted, metav1.ConditionTrue, gslbv1beta1.ReasonAccepted)
	s.blind(false)
	t.Run("installed", func(t *testing.T) {
		installDNSEndpoints(t, s.api)
		// Of two objects of one second the one that sorts first counts as the older.
		both := []string{namespace(t, s.api, map[string]string{"records": "yes"}), namespace(t, s.api, map[string]string{"records": "yes"})}
		slices.Sort(both)
		ns, other := both[0], both[1]
		e := endpointsOf(ns, "records", txt("a.ep.example.org", "hello"), dnsendpoint.Endpoint{DNSName: "m.ep.example.org", RecordType: "MX", RecordTTL: 60, Targets: []string{"10 mail.example.net", "bad"}})
		require.NoError(t, s.api.Create(t.Context(), e))
		s.served("ep.example.org", `a.ep.example.org TXT "hello"`)
		s.told("DNSEndpoint", ns, "records", `Warning InvalidSpec spec.endpoints[1]: "bad" is not data of type MX`)

		e.Spec.Endpoints[1].Targets = []string{"10 mail.example.net"}
		require.NoError(t, s.api.Update(t.Context(), e))
		s.served("ep.example.org", `a.ep.example.org TXT "hello"`, "m.ep.example.org MX 10 mail.example.net.")
		s.told("DNSEndpoint", ns, "records", "Normal RecordsServed")

		require.NoError(t, s.api.Create(t.Context(), endpointsOf(other, "newcomer", txt("_acme-challenge.a.ep.example.org", "mine"))))
		s.told("DNSEndpoint", other, "newcomer", "Warning Conflicted spec.endpoints[0]: _acme-challenge.a.ep.example.org belongs to DNSEndpoint "+ns+"/records")
		closed := namespace(t, s.api, nil)
		require.NoError(t, s.api.Create(t.Context(), endpointsOf(closed, "closed", txt("c.ep.example.org", "x"))))
		s.told("DNSEndpoint", closed, "closed", "Warning NamespaceNotAllowed")
		plain := endpointsOf(ns, "plain", txt("p.ep.example.org", "x"))
		plain.Labels = nil
		require.NoError(t, s.api.Create(t.Context(), plain))
		assert.Empty(t, s.quiet(), "no DNSEndpoint is ever written")
		s.served("ep.example.org", `a.ep.example.org TXT "hello"`, "m.ep.example.org MX 10 mail.example.net.")

		// A host of another namespace, and an address of ours at it.
		apps := namespace(t, s.api, map[string]string{"records": "yes"})
		app(t, s.api, apps, "shop", true)
		ingress(t, s.api, ingressOf(apps, "web", "shop.ep.example.org", "shop", nil), "192.0.2.1")
		require.NoError(t, s.api.Create(t.Context(), referring(apps, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
		s.answers("shop.ep.example.org", "192.0.2.1")
		require.NoError(t, s.api.Create(t.Context(), endpointsOf(apps, "own", txt("shop.ep.example.org", "ours"), dnsendpoint.Endpoint{DNSName: "shop.ep.example.org", RecordType: "A", Targets: []string{"192.0.2.9"}})))
		s.told("DNSEndpoint", apps, "own", "Warning RecordConflicted spec.endpoints[1]: shop.ep.example.org A: it is a balanced host")
		require.NoError(t, s.api.Create(t.Context(), endpointsOf(ns, "theirs", txt("_acme-challenge.shop.ep.example.org", "x"))))
		s.told("DNSEndpoint", ns, "theirs", "Warning Conflicted spec.endpoints[0]: _acme-challenge.shop.ep.example.org belongs to namespace "+apps)
		s.served("ep.example.org", `a.ep.example.org TXT "hello"`, "m.ep.example.org MX 10 mail.example.net.", `shop.ep.example.org TXT "ours"`)

		require.NoError(t, s.api.Patch(t.Context(), e, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":null}}`))))
		s.served("ep.example.org", `_acme-challenge.a.ep.example.org TXT "mine"`, `shop.ep.example.org TXT "ours"`)
	})
	s.served("ep.example.org")
	s.blind(false)
}
