// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/config"
)

func TestNeighbourhood(t *testing.T) {
	c := config.Default()
	c.GeoTag = "eu"
	c.Neighbourhood = config.Neighbourhood{
		ClusterNames: []string{"member1", " liqo-eu"}, InternalCIDRs: []string{"10.42.0.0/16", "fd00:42::/48"}, EntryCIDRs: []string{"10.42.250.0/24", "10.96.0.1"},
	}
	s, err := c.Settings()
	require.NoError(t, err)
	assert.Equal(t, []string{"member1", "liqo-eu"}, s.Names)
	assert.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.42.0.0/16"), netip.MustParsePrefix("fd00:42::/48")}, s.InternalCIDRs)
	assert.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.42.250.0/24"), netip.MustParsePrefix("10.96.0.1/32")}, s.EntryCIDRs)

	c.Neighbourhood = config.Neighbourhood{
		ClusterNames: []string{"a", "a", "", "two words"}, InternalCIDRs: []string{"0.0.0.0/0", "10.42.0.1/16"}, EntryCIDRs: []string{"here"},
	}
	_, err = c.Settings()
	require.Error(t, err)
	for _, want := range []string{
		`--cluster-names: "a" is there twice`, `--cluster-names: "" is not a name`, `--cluster-names: "two words" is not a name`,
		"--internal-cidrs: is every address there is", "--internal-cidrs: 10.42.0.1/16 is an address inside the network 10.42.0.0/16", `--entry-cidrs: "here" is neither`,
	} {
		assert.Contains(t, err.Error(), want)
	}
}
