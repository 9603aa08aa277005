// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

func TestOneOfTwinsCountsAndIsAsOldAsTheOldest(t *testing.T) {
	at := func(hour int, deleted bool) metav1.ObjectMeta {
		m := metav1.ObjectMeta{Name: "app", CreationTimestamp: metav1.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC)}
		if deleted {
			m.DeletionTimestamp = new(metav1.Now())
		}
		return m
	}
	own := func(hour int, deleted bool) *gslbv1beta1.Gslb {
		return &gslbv1beta1.Gslb{ObjectMeta: at(hour, deleted)}
	}
	newer := func(hour int, deleted bool) *k8gb.Gslb { return &k8gb.Gslb{ObjectMeta: at(hour, deleted)} }
	older := func(hour int, deleted bool) *absa.Gslb { return &absa.Gslb{ObjectMeta: at(hour, deleted)} }
	for _, c := range []struct {
		why       string
		twins     translate.Twins
		group     string
		hour      int
		incumbent bool
	}{
		{"ours alone", translate.Twins{Own: own(3, false)}, "gslb.meridian.dev", 3, false},
		{"ours counts, and keeps the age of its twin", translate.Twins{Own: own(3, false), K8gb: newer(1, false)}, "gslb.meridian.dev", 1, true},
		{"an age that goes does not count", translate.Twins{Own: own(3, false), K8gb: newer(1, true)}, "gslb.meridian.dev", 3, true},
		{"ours goes: back to its twin", translate.Twins{Own: own(1, true), Absa: older(2, false)}, "k8gb.absa.oss", 2, true},
		{"k8gb.io before k8gb.absa.oss", translate.Twins{K8gb: newer(3, false), Absa: older(2, false)}, "k8gb.io", 2, true},
		{"all go", translate.Twins{Own: own(3, true), Absa: older(2, true)}, "gslb.meridian.dev", 3, true},
	} {
		chosen := c.twins.Choose()
		assert.Equal(t, c.group, translate.GroupOf(chosen.Gslb), c.why)
		assert.Equal(t, c.hour, chosen.Gslb.CreationTimestamp.UTC().Hour(), c.why)
		assert.Equal(t, c.incumbent, chosen.Incumbent, c.why)
		if c.twins.Own != nil {
			assert.NotSame(t, c.twins.K8gb, chosen.Gslb)
			assert.Equal(t, "app", c.twins.Own.Name, "nothing in it is changed")
		}
	}
	assert.Nil(t, translate.Twins{}.Choose().Gslb)
}

func TestZonesOfTwinsAreOneZone(t *testing.T) {
	own := &gslbv1beta1.ZoneDelegation{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: gslbv1beta1.ZoneDelegationSpec{DoFinalize: true}}
	gone := &gslbv1beta1.ZoneDelegation{ObjectMeta: metav1.ObjectMeta{Name: "b", DeletionTimestamp: new(metav1.Now())}}
	old := func(name string) *k8gb.ZoneDelegation {
		return &k8gb.ZoneDelegation{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: k8gb.ZoneDelegationSpec{LoadBalancedZone: name + ".example.com", ParentZone: "example.com"}}
	}
	all := translate.Delegations([]*gslbv1beta1.ZoneDelegation{own, gone}, []*k8gb.ZoneDelegation{old("a"), old("b"), old("c")})
	assert.Len(t, all, 3)
	assert.True(t, all[0].Spec.DoFinalize, "ours counts")
	assert.Equal(t, gslbv1beta1.Zone("b.example.com"), all[1].Spec.LoadBalancedZone, "one that goes gives way")
	assert.Equal(t, gslbv1beta1.Zone("c.example.com"), all[2].Spec.LoadBalancedZone)

	older, going := old("a"), old("d")
	own.CreationTimestamp = metav1.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC)
	older.CreationTimestamp = metav1.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC)
	going.DeletionTimestamp = new(metav1.Now())
	all = translate.Delegations([]*gslbv1beta1.ZoneDelegation{own}, []*k8gb.ZoneDelegation{older, going})
	assert.Len(t, all, 1, "one of k8gb that goes asks for nothing")
	assert.Equal(t, older.CreationTimestamp, all[0].CreationTimestamp, "it is as old as the oldest, so that nobody takes its zone")
	assert.Equal(t, 3, own.CreationTimestamp.UTC().Hour(), "nothing in it is changed")
}
