// SPDX-License-Identifier: Apache-2.0

package terratest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/terratest/world"
)

// refused are specs that the API server does not take, and what its message
// holds: the field's path, and what is wrong.
var refused = []struct{ why, spec, path, says string }{
	{"a misspelt strategy", "{ingress: @, strategy: {type: roundrobin}}", "spec.strategy.type", `Unsupported value: "roundrobin"`},
	{"no strategy", "{ingress: @}", "spec.strategy", "Required value"},
	{"failover towards nobody", "{ingress: @, strategy: {type: failover}}", "spec.strategy", "failover needs primaryGeoTag"},
	{"a primary without failover", "{ingress: @, strategy: {type: roundRobin, primaryGeoTag: eu}}", "spec.strategy.primaryGeoTag", "failover only"},
	{"a primary that is not the first of the order", "{ingress: @, strategy: {type: failover, primaryGeoTag: eu, failoverOrder: [us, eu]}}", "spec.strategy.primaryGeoTag", "disagree"},
	{"a cluster twice in the order", "{ingress: @, strategy: {type: failover, failoverOrder: [eu, eu]}}", "spec.strategy.failoverOrder", "once"},
	{"weights without numbers", "{ingress: @, strategy: {type: weightedRoundRobin}}", "spec.strategy", "needs weight"},
	{"a weight beyond the scale", "{ingress: @, strategy: {type: weightedRoundRobin, weight: {eu: 1001}}}", "spec.strategy.weight.eu", "1000"},
	{"weights with failover", "{ingress: @, strategy: {type: failover, primaryGeoTag: eu, weight: {eu: 1}}}", "spec.strategy.weight", "roundRobin"},
	{"a geo tag in capitals", "{ingress: @, strategy: {type: failover, primaryGeoTag: EU}}", "spec.strategy.primaryGeoTag", "not a geo tag"},
	{"a negative TTL", "{ingress: @, strategy: {type: roundRobin, dnsTtlSeconds: -1}}", "spec.strategy.dnsTtlSeconds", "greater than or equal to 0"},
	{"a fallback without addresses", "{ingress: @, strategy: {type: roundRobin, whenAllUnhealthy: fallback}}", "spec.strategy.whenAllUnhealthy", "fallbackAddresses"},
	{"no hosts at all", "{strategy: {type: roundRobin}}", "spec", "say which hosts to balance"},
	{"hosts from two places", "{ingress: @, resourceRef: {apiVersion: v1, kind: Service, name: app}, strategy: {type: roundRobin}}", "spec", "not both"},
	{"a reference to a kind that has no entries", "{resourceRef: {apiVersion: v1, kind: Pod, name: app}, strategy: {type: roundRobin}}", "spec.resourceRef", "not a kind"},
	{"a host in capitals", "{ingress: {rules: [{host: App.cloud.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}]}}]}, strategy: {type: roundRobin}}", "spec.ingress.rules[0].host", "not a host"},
	{"an entry that is no address", "{ingress: @, entryAddresses: [here], strategy: {type: roundRobin}}", "spec.entryAddresses[0]", "not an IP address"},
	{"a probe without its port", "{ingress: @, healthCheck: {kind: TCP}, strategy: {type: roundRobin}}", "spec.healthCheck", "needs port"},
	{"a health policy that is none", "{ingress: @, serviceHealthPolicy: Some, strategy: {type: roundRobin}}", "spec.serviceHealthPolicy", "Unsupported value"},
	{"an unknown field", "{ingress: @, strategy: {type: roundRobin, weigth: {eu: 1}}}", "spec.strategy.weigth", "unknown field"},
}

// TestBrokenSpecs applies Gslbs that the API server refuses, by name of the field,
// and others that it takes and Meridian explains; hosts beside them go on.
func TestBrokenSpecs(t *testing.T) {
	s := stage(t, 1)
	good, other := s.Host("good"), s.Host("other")
	start(s, "app")
	balance(s, "good", good, "app", roundRobin)
	all := s.At(s.Clusters...)
	s.Answers("a good Gslb is answered", good, all)
	asker := s.Ask(good, all, world.ServersOf(s.Clusters...)...)
	refusedSpecs(t, s, other)
	for _, b := range acceptedButWrong(s, good) {
		s.ApplyIn("apply "+b.why, s.Clusters, func(*world.Cluster) string { return b.manifest })
		s.AwaitGslb(b.condition+" says "+b.reason, b.name, s.Clusters, func(_ *world.Cluster, g *gslbv1beta1.Gslb) error {
			return world.Condition(g, b.condition, b.status, b.reason)
		})
	}
	s.Answers("a host outside the zones is not served", "www.example.org", "REFUSED", world.ServersOf(s.Clusters...)...)
	balance(s, "late", other, "app", roundRobin)
	s.Answers("a good Gslb after all the bad ones is answered", other, all)
	s.NothingFailed("the good host, all the while", asker)
}

func refusedSpecs(t *testing.T, s *world.Stage, host string) {
	embedded := fmt.Sprintf("{rules: [{host: %s, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}]}}]}", host)
	s.Do(fmt.Sprintf("%d bad specs are refused by every API server", len(refused)), func(ctx context.Context) error {
		for _, c := range s.Clusters {
			for _, r := range refused {
				manifest := "{apiVersion: gslb.meridian.dev/v1beta1, kind: Gslb, metadata: {name: bad}, spec: " + strings.ReplaceAll(r.spec, "@", embedded) + "}"
				err := s.Create(ctx, c, manifest, client.DryRunAll)
				if !assert.Errorf(t, err, "%s: %s was taken", c.Name, r.why) {
					continue
				}
				assert.Truef(t, apierrors.IsInvalid(err) || apierrors.IsBadRequest(err), "%s: %s: another error than expected: %v", c.Name, r.why, err)
				assert.ErrorContainsf(t, err, r.path, "%s: %s", c.Name, r.why)
				assert.ErrorContainsf(t, err, r.says, "%s: %s", c.Name, r.why)
			}
		}
		return nil
	})
}

type wrong struct {
	why, name, manifest string
	condition           string
	status              metav1.ConditionStatus
	reason              string
}

// acceptedButWrong are Gslbs that only Meridian can judge.
func acceptedButWrong(s *world.Stage, taken string) []wrong {
	return []wrong{
		{"a host outside the zones", "outside", gslb("outside", "www.example.org", "app", roundRobin), "Accepted", metav1.ConditionFalse, "HostOutsideZones"},
		{"a host that an older Gslb has", "taken", gslb("taken", taken, "app", roundRobin), "Accepted", metav1.ConditionFalse, "Conflicted"},
		{"a primary that is no cluster", "misspelt", gslb("misspelt", s.Host("misspelt"), "app", "type: failover, primaryGeoTag: eru"), "Accepted", metav1.ConditionTrue, "UnknownGeoTag"},
		{"a reference to nothing", "nothing", reference("nothing", "nowhere", roundRobin), "Resolved", metav1.ConditionFalse, "ResourceNotFound"},
		{"a Service that is not there", "serviceless", gslb("serviceless", s.Host("serviceless"), "nothing", roundRobin), "Resolved", metav1.ConditionFalse, "ServiceNotFound"},
	}
}
