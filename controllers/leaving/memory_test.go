// SPDX-License-Identifier: Apache-2.0

package leaving_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/meridian-gslb/meridian/controllers/leaving"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/gslb"
)

func withEntries(addrs ...string) *networkingv1.Ingress {
	ing := &networkingv1.Ingress{}
	for _, a := range addrs {
		ing.Status.LoadBalancer.Ingress = append(ing.Status.LoadBalancer.Ingress, networkingv1.IngressLoadBalancerIngress{IP: a})
	}
	return ing
}

func TestMemory(t *testing.T) {
	m := leaving.NewMemory[string](time.Minute)
	now := time.Now()
	at := func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) }
	for _, step := range []struct {
		at    int
		ing   *networkingv1.Ingress
		want  []string
		until time.Time
		why   string
	}{
		{0, withEntries(), nil, time.Time{}, "never had any"},
		{1, withEntries("192.0.2.1"), []string{"192.0.2.1"}, time.Time{}, "of the status"},
		{2, withEntries(), []string{"192.0.2.1"}, at(62), "went empty: the last ones"},
		{30, withEntries(), []string{"192.0.2.1"}, at(62), "still, counted from when it went empty"},
		{40, withEntries("192.0.2.2"), []string{"192.0.2.2"}, time.Time{}, "came back"},
		{50, withEntries(), []string{"192.0.2.2"}, at(110), "went empty again"},
		{110, withEntries(), nil, time.Time{}, "for too long"},
		{111, withEntries(), nil, time.Time{}, "and stays so"},
	} {
		obj, until := m.Recall("u", step.ing, at(step.at))
		ing, _ := obj.(*networkingv1.Ingress)
		var have []string
		for _, p := range ing.Status.LoadBalancer.Ingress {
			have = append(have, p.IP)
		}
		assert.Equal(t, step.want, have, step.why)
		assert.Equal(t, step.until, until, step.why)
		assert.Equal(t, step.until, m.Held(gslb.Source{Kind: "Ingress"}), step.why)
		if len(have) > 0 && until.IsZero() {
			assert.Same(t, step.ing, ing, "the object itself, not a copy")
		}
	}
	m.Recall("u", withEntries("192.0.2.1"), now)
	m.Recall("u", withEntries(), now)
	m.Forget("u")
	assert.Zero(t, m.Held(gslb.Source{Kind: "Ingress"}))
	gone, _ := m.Recall("u", withEntries(), now)
	has, _ := refs.HasAddresses(gone)
	assert.False(t, has, "of an object that was deleted nothing stays")
}
