// SPDX-License-Identifier: Apache-2.0

package terratest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/terratest/world"
)

// TestBasicApp is what somebody sees who applies a first Gslb: with an embedded
// Ingress, and with a reference to one that is there.
func TestBasicApp(t *testing.T) {
	s := stage(t, 1)
	start(s, "app")
	embedded, referred := s.Host("embedded"), s.Host("referred")
	balance(s, "embedded", embedded, "app", roundRobin)
	s.ApplyIn("apply an Ingress and a Gslb that refers to it", s.Clusters, func(*world.Cluster) string {
		return ingress("shop", referred, "app") + "---\n" + reference("referred", "shop", roundRobin)
	})
	all := s.At(s.Clusters...)
	s.Answers("every cluster and the edge answer the embedded host", embedded, all)
	s.Answers("and the referred one", referred, all)
	s.Serves(embedded, s.Clusters...)
	s.Serves(referred, s.Clusters...)
	for name, host := range map[string]string{"embedded": embedded, "referred": referred} {
		s.AwaitGslb("the status of "+name+" tells it", name, s.Clusters, func(c *world.Cluster, g *gslbv1beta1.Gslb) error {
			return healthyStatus(s, c, g, host)
		})
	}
	delegated(s)
	for _, c := range s.Clusters {
		authoritative(t, c, embedded)
	}
	notOurs(t, s)
}

// healthyStatus says what is missing in the status of a Gslb with one host that
// every cluster serves.
func healthyStatus(s *world.Stage, c *world.Cluster, g *gslbv1beta1.Gslb, host string) error {
	errs := []error{
		world.Condition(g, "Accepted", metav1.ConditionTrue, "Accepted"),
		world.Condition(g, "Resolved", metav1.ConditionTrue, "Resolved"),
		world.Condition(g, "Serving", metav1.ConditionTrue, "Serving"),
	}
	st := g.Status
	want := func(field, got, want string) {
		if got != want {
			errs = append(errs, fmt.Errorf("%s is %q, want %q", field, got, want))
		}
	}
	want("geoTag", st.GeoTag, c.GeoTag)
	want("hosts", st.Hosts, host)
	want("healthyClusters", st.HealthyClusters, strings.Join(slices.Sorted(slices.Values(world.Tags(s.Clusters...))), ", "))
	want("serviceHealth", string(st.ServiceHealth[host]), "Healthy")
	want("healthyRecords", world.Join(st.HealthyRecords[host]), s.At(s.Clusters...))
	want("loadBalancer.exposedIps", world.Join(st.LoadBalancer.ExposedIPs), s.At(c))
	return errors.Join(errs...)
}

// delegated waits until the edge delegates the zone to every cluster, with glue,
// and every cluster says the same at the zone's apex.
func delegated(s *world.Stage) {
	var want []string
	for _, tag := range world.Tags(s.Clusters...) {
		labels := strings.ReplaceAll(strings.TrimSuffix(s.Zone, "."+s.EdgeZone), ".", "-")
		want = append(want, dns.Fqdn("gslb-ns-"+tag+"-"+labels+"."+s.EdgeZone))
	}
	slices.Sort(want)
	s.Until("the edge and the clusters have every cluster's name server, the edge with glue", world.Soon, func(ctx context.Context) error {
		for _, server := range s.Servers() {
			names, glue, err := server.NameServers(ctx, s.Zone)
			if err != nil {
				return err
			}
			if !slices.Equal(names, want) {
				return fmt.Errorf("%s has %v, want %v", server.Name, names, want)
			}
			for _, name := range names {
				if server == s.Edge && len(glue[name]) == 0 && s.Edge.Addrs(ctx, name) == world.NoData {
					return fmt.Errorf("the edge has no address of %s", name)
				}
			}
		}
		return nil
	})
}

// authoritative looks at one answer of a cluster's own server.
func authoritative(t *testing.T, c *world.Cluster, host string) {
	t.Helper()
	r, err := c.DNS.AskItself(t.Context(), strings.ToUpper(host), dns.TypeA)
	require.NoError(t, err)
	assert.True(t, r.Authoritative, "%s answers without AA", c.Name)
	require.NotEmpty(t, r.Answer)
	for _, rr := range r.Answer {
		assert.EqualValues(t, 1, rr.Header().Ttl, "the TTL is dnsTtlSeconds, in whatever case the name is asked")
	}
	r, err = c.DNS.AskItself(t.Context(), host, dns.TypeTXT)
	require.NoError(t, err)
	assert.Equal(t, dns.RcodeSuccess, r.Rcode, "a type that the host lacks is NODATA")
	assert.Empty(t, r.Answer)
}

// notOurs looks at names that nobody balances.
func notOurs(t *testing.T, s *world.Stage) {
	t.Helper()
	for _, server := range s.Servers() {
		assert.Equal(t, world.NXDomain, server.Addrs(t.Context(), s.Host("nobody")), server.Name)
	}
	for _, c := range s.Clusters {
		assert.Equal(t, "REFUSED", c.DNS.Addrs(t.Context(), "www.example.org"), "%s: another zone", c.Name)
	}
}
