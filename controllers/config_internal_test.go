// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/meridian-gslb/meridian/gslb"
)

// TestAddressesAreHeldLongerThanAMinute: an address that an object lost stays, where nothing
// else is said, for longer than resolvers and connections remember it.
func TestAddressesAreHeldLongerThanAMinute(t *testing.T) {
	store, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id"})
	require.NoError(t, err)
	cfg := Config{Rest: &rest.Config{Host: "https://127.0.0.1:1"}, Store: store, Self: "eu", Namespace: "meridian", Instance: "one",
		Lease: LeaseTiming{Duration: 15 * time.Second, Renew: 10 * time.Second, Retry: 2 * time.Second}}
	require.NoError(t, cfg.complete())
	assert.Equal(t, 5*time.Minute, cfg.HoldEntries)
}
