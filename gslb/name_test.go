// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

func TestParseName(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, c := range []struct{ in, want, why string }{
		{"App.Cloud.Example.COM", "app.cloud.example.com", "letters are folded"},
		{"app.cloud.example.com.", "app.cloud.example.com", "one trailing dot is dropped"},
		{"*.cloud.example.com", "*.cloud.example.com", "a wildcard may lead"},
		{"_acme-challenge.example.com", "_acme-challenge.example.com", "underscores are allowed"},
		{long + ".example.com", long + ".example.com", "63 octets fit"},
	} {
		n, err := gslb.ParseName(c.in)
		require.NoError(t, err, c.why)
		assert.Equal(t, c.want, n.String(), c.why)
		assert.Equal(t, c.want+".", n.FQDN())
	}
	for _, c := range []struct{ in, want string }{
		{"", "a domain name is missing"},
		{".", "a domain name is missing"},
		{"a..b", "empty label"},
		{"app.example.com..", "empty label"},
		{long + "a.example.com", "64 octets"},
		{strings.Repeat(long+".", 4) + "com", "at most 255"},
		{"a.*.b", "only letters"},
		{"-a.b", "hyphen"},
		{"a b.c", "only letters"},
		{"ä.example.com", "only letters"},
	} {
		_, err := gslb.ParseName(c.in)
		assert.ErrorContains(t, err, c.want, "%q", c.in)
	}
}

func TestParseHost(t *testing.T) {
	_, err := gslb.ParseHost("_report.eu.cloud.example.com")
	assert.ErrorContains(t, err, "kept for the exchange")
	_, err = gslb.ParseHost("x._REPORT.example.com")
	assert.ErrorContains(t, err, "kept for the exchange")
	_, err = gslb.ParseHost("localhost")
	assert.ErrorContains(t, err, "one label only")
	_, err = gslb.ParseHost("not_report.example.com")
	assert.NoError(t, err)
}

func TestNameLiesInZoneOnLabelBoundaries(t *testing.T) {
	zone := gslb.MustName("example.com")
	assert.True(t, zone.In(zone))
	assert.False(t, zone.Below(zone))
	assert.True(t, gslb.MustName("a.b.example.com").Below(zone))
	assert.False(t, gslb.MustName("xexample.com").In(zone))
	assert.False(t, gslb.MustName("example.com.org").In(zone))
	assert.False(t, zone.In(gslb.Name{}))
	assert.Equal(t, []string{"a", "b"}, gslb.MustName("a.b").Labels())
	assert.Equal(t, "b.c", gslb.MustName("a.b.c").Parent().String())
	assert.True(t, gslb.MustName("c").Parent().IsZero())
}

func TestDerivedNames(t *testing.T) {
	zone, edge := gslb.MustName("cloud.example.com"), gslb.MustName("example.com")
	n, err := gslb.NameServerName("eu", zone, edge)
	require.NoError(t, err)
	assert.Equal(t, "gslb-ns-eu-cloud.example.com", n.String())
	n, err = gslb.NameServerName("us-1", gslb.MustName("a.b.example.com"), edge)
	require.NoError(t, err)
	assert.Equal(t, "gslb-ns-us-1-a-b.example.com", n.String())
	_, err = gslb.NameServerName("eu", edge, zone)
	assert.ErrorContains(t, err, "does not lie below")
	_, err = gslb.NameServerName("eu", gslb.MustName(strings.Repeat("a", 60)+".example.com"), edge)
	assert.ErrorContains(t, err, "at most 63")
	n, err = gslb.HeartbeatName("eu", edge)
	require.NoError(t, err)
	assert.Equal(t, "gslb-heartbeat-eu.example.com", n.String())
	n, err = gslb.ReportZone("eu", zone)
	require.NoError(t, err)
	assert.Equal(t, "_report.eu.cloud.example.com", n.String())
}

func TestParseGeoTag(t *testing.T) {
	tag, err := gslb.ParseGeoTag("EU-West-1")
	require.NoError(t, err)
	assert.Equal(t, gslb.GeoTag("eu-west-1"), tag)
	for _, bad := range []string{"", "-eu", "eu-", "e u", "eu.west", "eu_west", strings.Repeat("a", 41)} {
		_, err := gslb.ParseGeoTag(bad)
		assert.ErrorContains(t, err, "is not a geo tag", "%q", bad)
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"a.b", "*.a", "A.", "..", "_x.y", "\x00.a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := gslb.ParseName(s)
		if err != nil {
			assert.True(t, n.IsZero())
			return
		}
		again, err := gslb.ParseName(n.FQDN())
		require.NoError(t, err)
		assert.Equal(t, n, again, "the canonical form parses to itself")
		b, err := n.MarshalText()
		require.NoError(t, err)
		var back gslb.Name
		require.NoError(t, back.UnmarshalText(b))
		assert.Equal(t, n, back)
	})
}
