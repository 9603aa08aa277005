// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/gslb"
)

func TestBareClustersTellWhenTheyDiffer(t *testing.T) {
	var b bareClusters
	host, other := gslb.MustName("a.cloud.example.com"), gslb.MustName("b.cloud.example.com")
	assert.False(t, b.has(host, "us"))
	for _, c := range []struct {
		why    string
		names  []string
		differ bool
		us     bool
	}{
		{"none is, as at the start", nil, false, false},
		{"one is, by tag and id", []string{"id-us", "us"}, true, true},
		{"the same", []string{"id-us", "us"}, false, true},
		{"another in its place", []string{"ap"}, true, false},
		{"none is any more", nil, true, false},
	} {
		assert.Equal(t, c.differ, b.put(host, c.names), c.why)
		assert.Equal(t, c.us, b.has(host, "us"), c.why)
		assert.False(t, b.has(other, "us"), "another host is not meant")
	}
	assert.Empty(t, b.of, "nothing is left behind")
}

func TestWhoseWordMakesEndpointsStale(t *testing.T) {
	w := &gslb.World{Self: "eu", Clusters: []gslb.Cluster{{Tag: "eu", ID: "id-eu"}, {Tag: "us", ID: "id-us"}}}
	part := func(change func(*gslb.Part)) *gslb.Host {
		p := gslb.Part{Cluster: "us", Liveness: gslb.Fresh, Offer: &gslb.Offer{Bare: true}}
		change(&p)
		return &gslb.Host{Parts: []gslb.Part{{Cluster: "eu", Liveness: gslb.Self, Offer: &gslb.Offer{Bare: true}}, p}}
	}
	both := []string{"id-us", "us"}
	for _, c := range []struct {
		why    string
		change func(*gslb.Part)
		want   []string
	}{
		{"it is heard", func(*gslb.Part) {}, both},
		{"a witness vouches for it", func(p *gslb.Part) { p.Liveness = gslb.Vouched }, both},
		{"it was not heard since we started: its last word", func(p *gslb.Part) { p.Liveness = gslb.Unheard }, both},
		{"it left: what runs there may run on", func(p *gslb.Part) { p.Liveness = gslb.Left }, nil},
		{"its object lies in another namespace: it speaks of other backends", func(p *gslb.Part) { p.Foreign = true }, nil},
		{"it does not offer the host any more", func(p *gslb.Part) { p.Held = true }, nil},
		{"it serves with what it counts elsewhere", func(p *gslb.Part) { p.Offer.DependsOn = []string{"eu"} }, both},
		{"it has one, or cannot tell", func(p *gslb.Part) { p.Offer.Bare = false }, nil},
	} {
		assert.Equal(t, c.want, bareOf(w, part(c.change)), c.why)
	}
	assert.Nil(t, bareOf(w, nil), "the host is gone")
}
