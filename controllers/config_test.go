// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/gslb"
)

func good(t *testing.T) controllers.Config {
	t.Helper()
	store, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id"})
	require.NoError(t, err)
	return controllers.Config{Rest: &rest.Config{Host: "https://127.0.0.1:1"}, Store: store, Self: "eu", Namespace: "meridian", Instance: "one"}
}

func TestNewSaysWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		change func(*controllers.Config)
		want   string
	}{
		{func(c *controllers.Config) { c.Rest = nil }, "rest.Config"},
		{func(c *controllers.Config) { c.Store = nil }, "store"},
		{func(c *controllers.Config) { c.Self = "" }, "geo tag"},
		{func(c *controllers.Config) { c.Namespace = "" }, "namespace"},
		{func(c *controllers.Config) { c.Instance = "" }, "instance"},
		{func(c *controllers.Config) { c.Lease = controllers.LeaseTiming{Duration: 2, Renew: 2, Retry: 1} }, "Retry × 1.2 < Renew < Duration"},
		{func(c *controllers.Config) { c.Rest.CAFile = "/does/not/exist" }, "/does/not/exist"},
	} {
		cfg := good(t)
		c.change(&cfg)
		_, err := controllers.New(cfg)
		require.ErrorContains(t, err, c.want)
	}
}

func TestNewAsksNothingOfTheAPI(t *testing.T) {
	cfg := good(t) // nobody listens there
	before := *cfg.Rest
	_, err := controllers.New(cfg)
	require.NoError(t, err)
	assert.Equal(t, before, *cfg.Rest, "the caller's configuration is left alone")
}

func TestMetricsAreNamedWell(t *testing.T) {
	cfg := good(t)
	registry := prometheus.NewRegistry()
	cfg.Registerer = registry
	_, err := controllers.New(cfg)
	require.NoError(t, err)
	families, err := registry.Gather()
	require.NoError(t, err)
	assert.NotEmpty(t, families)
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	require.NoError(t, err)
	assert.Empty(t, problems)

	cfg = good(t)
	cfg.Registerer = registry
	_, err = controllers.New(cfg)
	assert.ErrorContains(t, err, "metrics")
}
