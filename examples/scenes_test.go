// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/api/validate"
	"github.com/meridian-gslb/meridian/gslb"
)

// scene is a state of the clusters of an example. The README shows what is answered in
// it, in the block that follows "<!-- scene: NAME -->".
type scene struct {
	example, name string

	// applied lists by cluster the files that people apply there, in their order; what
	// testdata/CLUSTER.yaml has comes on top.
	applied map[string][]string

	happens map[string][]edit // by cluster
	lost    []string          // clusters that fall silent
	down    []string          // clusters whose health checks fail
}

// cluster gives the objects of a cluster in a scene.
func (s *scene) objects(t *testing.T, tag string) []object {
	t.Helper()
	var all []object
	for _, file := range s.applied[tag] {
		all = append(all, documents(t, filepath.Join(s.example, file))...)
	}
	if s.example == "karmada-istio" {
		all = propagated(t, all, tag)
	}
	all = gather(append(all, documents(t, filepath.Join(s.example, "testdata", tag+".yaml"))...))
	for _, e := range s.happens[tag] {
		all = e(all)
	}
	return all
}

// play brings the clusters of a scene into its state. To be called in a bubble.
func (s *scene) play(t *testing.T, v *validate.Validator) map[string]*cluster {
	t.Helper()
	byTag, lost := make(map[string]*cluster), make(map[gslb.GeoTag]bool)
	var all []*cluster
	for tag := range s.applied {
		c := newCluster(t, v, gslb.GeoTag(tag), s.objects(t, tag))
		health := gslb.Healthy
		if slices.Contains(s.down, tag) {
			health = gslb.Unhealthy
		}
		c.run(t, health)
		all, byTag[tag] = append(all, c), c
	}
	for _, tag := range s.lost {
		lost[gslb.GeoTag(tag)] = true
	}
	converse(t, all, lost)
	for _, tag := range s.lost {
		delete(byTag, tag)
	}
	return byTag
}

// plain says that a node is none of Liqo's virtual ones.
func plain(node string) bool { return !strings.HasPrefix(node, "liqo-") }

// scenes are those of every README.
func scenes(t *testing.T) []scene {
	t.Helper()
	return slices.Concat(besideLinkerd(t), besideLiqo(t), besideKarmada(t), besideGoogle(t))
}

// of makes the scenes of an example; applied holds for those that say nothing else.
func of(example string, applied map[string][]string, states ...scene) []scene {
	for i := range states {
		states[i].example = example
		if states[i].applied == nil {
			states[i].applied = applied
		}
	}
	return states
}

// in says what happens in one cluster.
func in(cluster string, edits ...edit) map[string][]edit { return map[string][]edit{cluster: edits} }

func besideLinkerd(t *testing.T) []scene {
	t.Helper()
	linkerd := []string{"podinfo.yaml", "gslb.yaml"}
	through := map[string][]string{"west": {"podinfo.yaml", "split.yaml", "through-east.yaml"}, "east": linkerd}
	bySMI := map[string][]string{"west": {"podinfo.yaml", "trafficsplit.yaml", "through-east.yaml"}, "east": linkerd}
	return of("linkerd", map[string][]string{"west": {"podinfo.yaml", "split.yaml", "gslb.yaml"}, "east": linkerd},
		scene{name: "everything runs"},
		scene{name: "west has no pod", happens: in("west", noPods("podinfo", nil))},
		scene{name: "east is lost", lost: []string{"east"}},
		scene{name: "nginx of west is dead", happens: in("west", noPods("ingress-nginx-controller", nil))},
		scene{name: "through east", applied: through, happens: in("west", noPods("podinfo", nil))},
		scene{name: "through east, which exports nothing", applied: through, happens: map[string][]edit{
			"west": {noPods("podinfo", nil), noPods("podinfo-east", nil)}, "east": {noPods("podinfo", nil)}}},
		scene{name: "through east, which is lost", applied: through, lost: []string{"east"}, happens: in("west", noPods("podinfo", nil))},
		scene{name: "through east by a TrafficSplit", applied: bySMI, happens: in("west", noPods("podinfo", nil))},
		scene{name: "through east by a TrafficSplit, with weight 0", applied: bySMI, happens: in("west", noPods("podinfo", nil),
			with(t, `{apiVersion: split.smi-spec.io/v1alpha2, kind: TrafficSplit, metadata: {namespace: test, name: podinfo}, spec: {service: podinfo, backends: [{service: podinfo, weight: 100}, {service: podinfo-east, weight: 0}]}}`))},
		scene{name: "federated", happens: in("west", with(t, `{apiVersion: v1, kind: Service, metadata: {namespace: test, name: podinfo, annotations: {multicluster.linkerd.io/remote-discovery: podinfo@east}}}`), without("EndpointSlice test/podinfo-x9k2p"))},
		scene{name: "through east on a flat network", applied: through, happens: in("west", noPods("podinfo", nil), without("EndpointSlice test/podinfo-east-m4t7w"),
			with(t, `{apiVersion: v1, kind: Service, metadata: {namespace: test, name: podinfo-east, labels: {multicluster.linkerd.io/remote-discovery: east, multicluster.linkerd.io/remote-service: podinfo}}}`))},
	)
}

func besideLiqo(t *testing.T) []scene {
	t.Helper()
	liqo := map[string][]string{"gslb-eu": {"podinfo.yaml"}, "gslb-us": nil}
	local := map[string][]string{"gslb-eu": {"podinfo.yaml", "gslb-local.yaml"}, "gslb-us": {"gslb-local.yaml"}}
	unannotated := func(all []object) []object {
		for _, o := range all {
			if text(o, "kind") == "Ingress" {
				delete(o["metadata"].(object), "annotations")
			}
		}
		return all
	}
	return of("liqo", liqo,
		scene{name: "everything runs"},
		scene{name: "eu has no pod of its own", happens: in("gslb-eu", noPods("podinfo", plain))},
		scene{name: "eu has no pod of its own, scope local", applied: local, happens: map[string][]edit{"gslb-eu": {unannotated, noPods("podinfo", plain)}, "gslb-us": {unannotated}}},
		scene{name: "us is lost", lost: []string{"gslb-us"}},
		scene{name: "us is lost, and with it the only pod", lost: []string{"gslb-us"}, happens: in("gslb-eu", noPods("podinfo", plain))},
		scene{name: "eu writes the nodes of us too", happens: in("gslb-eu", with(t, `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {namespace: podinfo, name: podinfo}, status: {loadBalancer: {ingress: [{ip: 172.19.0.3}, {ip: 172.19.0.4}, {ip: 172.19.0.5}]}}}`))},
	)
}

func besideKarmada(t *testing.T) []scene {
	t.Helper()
	templates := []string{"podinfo.yaml", "gslb.yaml"}
	members := map[string][]string{"member1": templates, "member2": templates}
	mesh := map[string][]string{"member1": {"podinfo.yaml", "gslb-mesh.yaml"}, "member2": {"podinfo.yaml", "gslb-mesh.yaml"}}
	clusterset := with(t, `{apiVersion: gslb.meridian.dev/v1beta1, kind: Gslb, metadata: {namespace: test, name: podinfo}, spec: {serviceHealthScope: clusterset}}`)
	dispatched := with(t, `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
metadata: {namespace: test, name: member1-podinfo-m1, labels: {kubernetes.io/service-name: podinfo, endpointslice.kubernetes.io/managed-by: endpointslice-dispatch-controller.karmada.io}, annotations: {endpointslice.karmada.io/provision-cluster: member1}},
endpoints: [{addresses: [10.1.0.1], conditions: {ready: true}}]}`)
	return of("karmada-istio", members,
		scene{name: "everything runs"},
		scene{name: "member2 has no pod", happens: in("member2", noPods("podinfo", nil))},
		scene{name: "member2 has slices of member1", happens: in("member2", noPods("podinfo", nil), dispatched)},
		scene{name: "through the mesh", applied: mesh, happens: in("member2", noPods("podinfo", nil))},
		scene{name: "through the mesh, which is torn", applied: mesh, happens: in("member2", noPods("podinfo", nil)), down: []string{"member2"}},
		scene{name: "member1 is lost", lost: []string{"member1"}},
		scene{name: "member1 has no pod, whose slices stay", happens: map[string][]edit{"member1": {noPods("podinfo", nil)}, "member2": {noPods("podinfo", nil), dispatched, clusterset}}},
		scene{name: "member1 is lost, whose slices stay", lost: []string{"member1"}, happens: in("member2", noPods("podinfo", nil), dispatched, clusterset)},
	)
}

func besideGoogle(t *testing.T) []scene {
	t.Helper()
	gke := []string{"app.yaml", "gslb-gke.yaml"}
	google := map[string][]string{"gke-1": gke, "gke-2": gke, "onprem": {"onprem.yaml"}}
	kubemci := []string{"app.yaml", "kubemci-ingress.yaml", "gslb-kubemci.yaml"}
	noAddress := func(all []object) []object {
		for _, o := range all {
			if text(o, "kind") == "Gslb" {
				delete(o["spec"].(object), "entryAddresses")
			}
		}
		return all
	}
	return of("gke-multi-cluster", google,
		scene{name: "everything runs"},
		scene{name: "gke-1 has no pod", happens: in("gke-1", noPods("web", nil))},
		scene{name: "gke-1 is lost", lost: []string{"gke-1"}},
		scene{name: "neither has a pod", happens: map[string][]edit{"gke-1": {noPods("web", nil)}, "gke-2": {noPods("web", nil)}}},
		scene{name: "kubemci", applied: map[string][]string{"gke-1": kubemci, "gke-2": kubemci, "onprem": {"onprem.yaml"}}},
		scene{name: "no address by hand", applied: map[string][]string{"gke-1": kubemci, "gke-2": kubemci, "onprem": {"onprem.yaml"}},
			happens: map[string][]edit{"gke-1": {noAddress}, "gke-2": {noAddress}}},
		scene{name: "the address is in the status", applied: map[string][]string{"gke-1": {"app.yaml", "multiclusteringress.yaml", "gslb-config.yaml"}, "gke-2": gke, "onprem": {"onprem.yaml"}},
			happens: in("gke-1",
				with(t, `{apiVersion: networking.gke.io/v1, kind: MultiClusterIngress, metadata: {namespace: shop, name: web}, status: {VIP: 203.0.113.80}}`),
				with(t, `{apiVersion: v1, kind: Service, metadata: {namespace: shop, name: mci-web-svc-lgq966x5mxwwvvum}, spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}}`),
				with(t, `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {namespace: shop, name: mci-web-1, labels: {kubernetes.io/service-name: mci-web-svc-lgq966x5mxwwvvum, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}},
					addressType: IPv4, endpoints: [{addresses: [10.1.0.1], conditions: {ready: true}}]}`))},
	)
}

// propagated gives the templates that Karmada's policies send to a member, with what the
// OverridePolicy changes there.
func propagated(t *testing.T, templates []object, member string) []object {
	t.Helper()
	var policy propagation
	var override overriding
	decode(t, "karmada-istio/propagation.yaml", &policy)
	decode(t, "karmada-istio/override.yaml", &override)
	require.Contains(t, policy.Spec.Placement.ClusterAffinity.ClusterNames, member)
	var sent []object
	for _, o := range templates {
		if text(o, "kind") == "Namespace" { // Karmada sends them by itself
			sent = append(sent, o)
		}
		if !selects(policy.Spec.ResourceSelectors, o) {
			continue
		}
		for _, rule := range override.Spec.OverrideRules {
			if !selects(override.Spec.ResourceSelectors, o) || !slices.Contains(rule.TargetCluster.ClusterNames, member) {
				continue
			}
			for _, p := range rule.Overriders.Plaintext {
				field, of := strings.CutPrefix(p.Path, "/spec/")
				require.True(t, of && !strings.Contains(field, "/") && p.Operator == "add", "%s %s: only fields of spec are added here", p.Operator, p.Path)
				o = merge(o, object{"spec": object{field: p.Value}})
			}
		}
		sent = append(sent, o)
	}
	return sent
}

func selects(selectors []selector, o object) bool {
	return slices.Contains(selectors, selector{APIVersion: text(o, "apiVersion"), Kind: text(o, "kind"), Name: text(o, "metadata", "name")})
}
