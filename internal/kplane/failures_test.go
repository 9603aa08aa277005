// SPDX-License-Identifier: Apache-2.0

package kplane_test

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/kplane"
)

func TestStartSaysWhichAddressIsTaken(t *testing.T) {
	listener, err := net.Listen("tcp", "127.193.7.1:2379")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	var output strings.Builder
	_, err = kplane.Start(t.Context(), kplane.Config{
		Clusters: []string{"eu"}, Dir: t.TempDir(), Base: netip.MustParseAddr("127.193.7.0"), Output: &output,
	})
	require.ErrorContains(t, err, "the launcher ended (exit status 1); its output says why")
	assert.Contains(t, output.String(), "kplane up: cluster eu: 127.193.7.1:2379 is already in use")
}

func TestStartNeedsClustersAndAFolder(t *testing.T) {
	_, err := kplane.Start(t.Context(), kplane.Config{Dir: t.TempDir()})
	assert.ErrorContains(t, err, "Clusters and Dir are required")
	_, err = kplane.Start(t.Context(), kplane.Config{Clusters: []string{"eu"}})
	assert.ErrorContains(t, err, "Clusters and Dir are required")
}

func TestSpareAddresses(t *testing.T) {
	c := kplane.Cluster{Name: "eu", Network: netip.MustParsePrefix("127.0.71.0/24"), Dir: t.TempDir()}
	assert.Equal(t, "127.0.71.2", c.Spare(2).String())
	assert.Panics(t, func() { c.Spare(11) }, "that is an ingress address")
	assert.EqualError(t, c.Freeze(kplane.Etcd), "cluster eu: etcd does not run")
	require.NoError(t, os.WriteFile(c.Dir+"/etcd.pid", []byte("-1\n"), 0o644))
	assert.ErrorContains(t, c.Kill(kplane.Etcd), "holds no process id", "which would be every process of the user")
}
