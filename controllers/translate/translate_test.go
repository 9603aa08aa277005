// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

func annotatedIngress(annotations map[string]string) *networkingv1.Ingress {
	ing := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "app", UID: "i-1", Annotations: annotations}}
	ing.Spec.Rules = []networkingv1.IngressRule{{Host: "app.cloud.example.com"}}
	return ing
}

func TestUpdateAnnotated(t *testing.T) {
	desired, problems := translate.FromAnnotations(annotatedIngress(map[string]string{gslbv1beta1.AnnotationStrategy: "roundRobin"}))
	require.Empty(t, problems)
	require.NotNil(t, desired)
	stored := desired.DeepCopy()
	stored.UID, stored.ResourceVersion, stored.Labels["team"] = "g-1", "12", "web"

	for _, c := range []struct {
		why      string
		existing func() *gslbv1beta1.Gslb
		write    bool
	}{
		{"there is none: it is created", func() *gslbv1beta1.Gslb { return nil }, true},
		{"it is as it should be: nothing is written", stored.DeepCopy, false},
		{"the annotations changed: it is updated", func() *gslbv1beta1.Gslb {
			g := stored.DeepCopy()
			g.Spec.Strategy.Type = gslbv1beta1.GeoIP
			return g
		}, true},
		{"it is somebody's own: it keeps its spec", func() *gslbv1beta1.Gslb {
			g := stored.DeepCopy()
			g.OwnerReferences = nil
			g.Spec.Strategy.Type = gslbv1beta1.GeoIP
			return g
		}, false},
		{"it belongs to an Ingress of the name that is gone", func() *gslbv1beta1.Gslb {
			g := stored.DeepCopy()
			g.OwnerReferences[0].UID = "i-0"
			g.Spec.Strategy.Type = gslbv1beta1.GeoIP
			return g
		}, false},
	} {
		existing := c.existing()
		before := existing.DeepCopy()
		got := translate.UpdateAnnotated(existing, desired)
		assert.Equal(t, before, existing, "%s: what exists is not changed in place", c.why)
		if !c.write {
			assert.Nil(t, got, c.why)
			continue
		}
		require.NotNil(t, got, c.why)
		assert.Equal(t, desired.Spec, got.Spec, c.why)
		if existing != nil {
			assert.Equal(t, "12", got.ResourceVersion, "an update names the version that it changes")
			assert.Equal(t, "web", got.Labels["team"], "labels of others stay")
		}
	}
}

func TestDependsOnGoesInSteps(t *testing.T) {
	g := &gslbv1beta1.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "app"}}
	own := refs.ByName(refs.KindNamespace, "", "test")
	assert.Equal(t, []refs.Key{own}, translate.DependsOn(g, nil), "without a reference there is nothing else to find")

	g.Spec.ResourceRef = &gslbv1beta1.ResourceRef{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "app"}
	first := translate.DependsOn(g, nil)
	assert.Equal(t, []refs.Key{own, refs.IngressKey("test", "app")}, first, "Services are known once the Ingress is")

	ing := annotatedIngress(nil)
	ing.Spec.DefaultBackend = &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "b"}}
	ing.Spec.Rules[0].HTTP = &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{
		{Path: "/x", Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "a"}}},
	}}
	found := &refs.Found{}
	found.Put(refs.IngressKey("test", "app"), refs.Listed, ing)
	var words []string
	for _, k := range translate.DependsOn(g, found) {
		words = append(words, k.String())
	}
	assert.Equal(t, []string{
		"Namespace test", "Service test/a", "Service test/b",
		"EndpointSlice in namespace test with labels kubernetes.io/service-name=a",
		"EndpointSlice in namespace test with labels kubernetes.io/service-name=b",
		"HTTPRoute in namespace test for Service a", "HTTPRoute in namespace test for Service b", "Ingress test/app",
		"TrafficSplit in namespace test for Service a", "TrafficSplit in namespace test for Service b",
	}, words)
}

func TestVirtualNode(t *testing.T) {
	node := func(labels map[string]string) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1", Labels: labels}}
	}
	_, virtual := translate.VirtualNode(node(nil))
	assert.False(t, virtual)
	cluster, virtual := translate.VirtualNode(node(map[string]string{
		translate.VirtualNodeLabel: translate.VirtualNodeValue, "liqo.io/remote-cluster-id": "us",
	}))
	assert.True(t, virtual)
	assert.Equal(t, "us", cluster)
	cluster, _ = translate.VirtualNode(node(map[string]string{translate.VirtualNodeLabel: translate.VirtualNodeValue}))
	assert.Equal(t, "n1", cluster, "the node's own name, where it does not say more")
}

func TestZonesGetTheNameServersAddressesSortedAndOnce(t *testing.T) {
	zd := &gslbv1beta1.ZoneDelegation{ObjectMeta: metav1.ObjectMeta{Name: "lab"}}
	zd.Spec.LoadBalancedZone, zd.Spec.ParentZone = "lab.example.com", "example.com"
	own := []netip.Addr{netip.MustParseAddr("198.51.100.1")}
	in := translate.ZonesInput{
		Delegations: []*gslbv1beta1.ZoneDelegation{zd},
		Flags:       []gslb.ZoneIntent{{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com"), Addrs: own}},
		Self:        "eu",
		Addrs:       []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.1")},
	}
	intents := zonesIntents(in)
	require.Len(t, intents, 2)
	assert.Equal(t, own, intents[0].Addrs, "a zone of the configuration keeps what it was given")
	assert.Equal(t, []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, intents[1].Addrs)
	assert.Equal(t, uint32(30), intents[1].NegTTL, "the default of dnsZoneNegTTL")
	assert.Len(t, in.Addrs, 3, "inputs are not changed")
}

func TestAZoneOfTheConfigurationTakesWhatItsZoneDelegationAdds(t *testing.T) {
	for _, c := range []struct {
		why                string
		flagTTL, ttl, want uint32
		split              int32
		wantSplit          time.Duration
	}{
		{"defaults of the API server say nothing: --split-brain-threshold counts", 30, 30, 30, 300, 0},
		{"a flag that was given wins", 10, 60, 10, 60, time.Minute},
		{"a flag with its default says nothing", 30, 60, 60, 300, 0},
	} {
		zd := &gslbv1beta1.ZoneDelegation{ObjectMeta: metav1.ObjectMeta{Name: "mine", Annotations: map[string]string{gslbv1beta1.AnnotationAllowMassRemoval: "true"}}}
		zd.Spec = gslbv1beta1.ZoneDelegationSpec{LoadBalancedZone: "cloud.example.com", ParentZone: "example.com",
			DNSZoneNegTTL: new(int32(c.ttl)), SplitBrainThresholdSeconds: &c.split,
			AllowedNamespaces: &gslbv1beta1.LabelSelector{MatchLabels: map[string]gslbv1beta1.LabelValue{"team": "blue"}}}
		out := translate.Zones(translate.ZonesInput{Self: "eu", Delegations: []*gslbv1beta1.ZoneDelegation{zd},
			Flags: []gslb.ZoneIntent{{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com"), NegTTL: c.flagTTL}}})
		require.Len(t, out.Zones, 1, c.why)
		z := out.Zones[0]
		assert.Equal(t, "mine", z.Delegation, c.why)
		assert.True(t, z.Configured && z.AllowRemoval, c.why)
		assert.Equal(t, "team=blue", z.Allowed.String(), c.why)
		assert.Equal(t, c.want, z.NegTTL, c.why)
		assert.Equal(t, c.wantSplit, z.SplitBrain, c.why)
		assert.Empty(t, out.Findings, c.why)
		assert.Contains(t, out.Conditions["mine"].Message, "the flags (--zone) give it", c.why)
	}
}

func zonesIntents(in translate.ZonesInput) []gslb.ZoneIntent {
	out := translate.Zones(in)
	return out.Intents()
}

func TestZoneWhoseNameServerHasNoNameIsRefused(t *testing.T) {
	zd := &gslbv1beta1.ZoneDelegation{ObjectMeta: metav1.ObjectMeta{Name: "long", Generation: 2}}
	label := strings.Repeat("a", 60)
	zd.Spec.LoadBalancedZone, zd.Spec.ParentZone = gslbv1beta1.Zone(label+".example.com"), "example.com"
	out := translate.Zones(translate.ZonesInput{Delegations: []*gslbv1beta1.ZoneDelegation{zd}, Self: "eu"})
	assert.Empty(t, out.Zones)
	accepted := out.Conditions["long"]
	assert.True(t, meta.IsStatusConditionFalse([]metav1.Condition{accepted}, gslbv1beta1.ConditionAccepted))
	assert.Equal(t, gslbv1beta1.ReasonInvalidSpec, accepted.Reason)
	assert.Contains(t, accepted.Message, "63 are allowed")
}

func TestLongTXTIsSplitIntoStrings(t *testing.T) {
	zd := &gslbv1beta1.ZoneDelegation{ObjectMeta: metav1.ObjectMeta{Name: "lab"}}
	zd.Spec.LoadBalancedZone, zd.Spec.ParentZone = "lab.example.com", "example.com"
	zd.Spec.Records = []gslbv1beta1.Record{{Name: "dkim", Type: "TXT", RData: []gslbv1beta1.RData{gslbv1beta1.RData(strings.Repeat("k", 300))}}}
	out := translate.Zones(translate.ZonesInput{Delegations: []*gslbv1beta1.ZoneDelegation{zd}, Self: "eu"})
	require.Len(t, out.Zones, 1)
	require.Len(t, out.Zones[0].Records, 1)
	want := `"` + strings.Repeat("k", 255) + `" "` + strings.Repeat("k", 45) + `"` // RFC 1035 §3.3: at most 255 octets each
	assert.Equal(t, want, out.Zones[0].Records[0].Data)
}

// FuzzFromAnnotations holds that annotations never make a Gslb that its own rules
// refuse, and that the problem of one that is refused names an annotation that is set.
func FuzzFromAnnotations(f *testing.F) {
	f.Add("roundRobin", "", "30", "eu=3,us=1", "", "192.0.2.1")
	f.Add("failover", "eu", "", "", "eu,us", "")
	f.Add("failover", "EU", "-1", "=", ",,", "::")
	f.Add("weightedRoundRobin", "", "99999999999", "eu=1,eu=2", "eu", "127.0.0.1, 255.255.255.255")
	f.Fuzz(func(t *testing.T, strategy, primary, ttl, weights, order, addresses string) {
		ing := annotatedIngress(map[string]string{
			gslbv1beta1.AnnotationStrategy: strategy, gslbv1beta1.AnnotationPrimaryGeoTag: primary,
			gslbv1beta1.K8gbAnnotationDNSTTLSeconds: ttl, gslbv1beta1.AnnotationWeights: weights,
			gslbv1beta1.AnnotationFailoverOrder: order, gslbv1beta1.AnnotationEntryAddresses: addresses,
		})
		g, problems := translate.FromAnnotations(ing)
		for _, p := range problems {
			key := strings.TrimSuffix(strings.TrimPrefix(p.Path, "metadata.annotations["), "]")
			assert.NotEmpty(t, ing.Annotations[key], p.String())
		}
		if g == nil {
			return
		}
		require.Empty(t, problems)
		zone := translate.Zone{ZoneIntent: gslb.ZoneIntent{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com")}}
		found := &refs.Found{}
		found.Put(refs.IngressKey("test", "app"), refs.Listed, ing)
		out := translate.Build(translate.Input{Gslb: g, Found: found, Zones: []translate.Zone{zone}, Self: "eu", AllowLoopback: true})
		assert.Len(t, out.Offers, 1, out.Conditions)
	})
}
