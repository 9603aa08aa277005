// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// TestEveryDocumentedMetricOfTheControllersIsThere compares docs/metrics.md with what a
// site on a real API server gives.
func TestEveryDocumentedMetricOfTheControllersIsThere(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	var want []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(meridian_controllers_[a-z0-9_]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		want = append(want, m[1])
	}
	require.Greater(t, len(want), 10)
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	ingress(t, s.api, ingressOf(ns, "web", "shop.cloud.example.com", "shop", nil), "192.0.2.1")
	delegation(t, s.api, zoneDelegation("counted", "counted.example.org"))
	require.NoError(t, s.api.Create(t.Context(), referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
	eventually(t, func() error {
		families, err := s.metrics.Gather()
		require.NoError(t, err)
		absent := slices.Clone(want)
		for _, f := range families {
			absent = slices.DeleteFunc(absent, func(n string) bool { return n == f.GetName() })
		}
		if len(absent) > 0 {
			return notYet("metrics %q are not there", absent)
		}
		return nil
	})
	problems, err := testutil.GatherAndLint(s.metrics)
	require.NoError(t, err)
	assert.Empty(t, problems)
}
