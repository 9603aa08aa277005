// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/meridian-gslb/meridian/gslb"
)

// TestSharedFate: two clusters that stand on one are one failure domain, whichever of them
// tells it, and whatever a neighbour calls the one.
func TestSharedFate(t *testing.T) {
	needing := func(p part, names ...string) part {
		p.needs = names
		return p
	}
	eu, us := healthy("192.0.2.1"), healthy("198.51.100.1")
	for _, c := range []struct {
		why     string
		eu, us  part
		needs   [2][]string
		domains [2]string
		reason  string
	}{
		{"each has backends of its own", eu, us, [2][]string{}, [2]string{"eu", "us"}, "Serving"},
		{"eu needs us", needing(eu, "us"), us, [2][]string{{"us"}}, [2]string{"us", "us"}, "SharedFate"},
		{"eu needs us, as Liqo names it", needing(eu, "id-us"), us, [2][]string{{"us"}}, [2]string{"us", "us"}, "SharedFate"},
		{"us needs eu, and its report says so", eu, needing(us, "eu"), [2][]string{nil, {"eu"}}, [2]string{"eu", "eu"}, "SharedFate"},
		{"both need a cluster without Meridian", needing(eu, "farm"), needing(us, "farm"), [2][]string{{"farm"}, {"farm"}}, [2]string{"farm", "farm"}, "SharedFate"},
		{"eu needs one of two", needing(eu, "us", "farm"), us, [2][]string{{"farm", "us"}}, [2]string{"farm, us", "us"}, "Serving"},
		{"who cannot serve shares nothing", needing(eu, "us"), unhealthy(gslb.ReasonNotReady, "198.51.100.1"), [2][]string{{"us"}}, [2]string{"us", "us"}, "Serving"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := statusOf(scene{own: []part{c.eu}, us: []part{c.us}}.input(t))
			require.Len(t, s.Clusters, 2)
			for i := range s.Clusters {
				assert.Equal(t, c.needs[i], s.Clusters[i].DependsOn, "%s: %s", c.why, s.Clusters[i].GeoTag)
				assert.Equal(t, c.domains[i], s.Clusters[i].FailureDomain, "%s: %s", c.why, s.Clusters[i].GeoTag)
			}
			serving := meta.FindStatusCondition(s.Conditions, "Serving")
			assert.Equal(t, c.reason, serving.Reason, c.why)
			assert.NotContains(t, serving.Message, "%!")
		})
	}
}

func TestNoEntryNoFailureDomain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := statusOf(scene{own: []part{{reason: gslb.ReasonAddressUnknown}}, us: []part{healthy("198.51.100.1")}}.input(t))
		assert.Empty(t, s.Clusters[0].FailureDomain)
		assert.Equal(t, "us", s.Clusters[1].FailureDomain)
	})
}
