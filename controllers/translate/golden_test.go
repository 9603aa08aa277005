// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	"github.com/meridian-gslb/meridian/api/istio"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

var update = flag.Bool("update", false, "write the .out.yaml files anew")

// options is the document of kind Case at the head of each .in.yaml.
type options struct {
	Kind          string              `json:"kind"`
	Why           string              `json:"why"`
	Self          string              `json:"self"`
	Names         []string            `json:"names"`
	Zones         []string            `json:"zones"` // of the configuration; "zone edge"
	Resolved      map[string][]string `json:"resolved"`
	AllowLoopback bool                `json:"allowLoopback"`
	ReadOnly      bool                `json:"readOnly"`
	Unreadable    []string            `json:"unreadable"` // Services whose slices cannot be read, and kinds
	Absent        []string            `json:"absent"`     // kinds that the cluster does not have
	Down          []string            `json:"down"`       // clusters that are lost
	ControlPlane  bool                `json:"controlPlane"`
	Hosts         map[string]string   `json:"hosts"` // namespaces of the Gslbs that have hosts, for records
	InternalCIDRs []string            `json:"internalCIDRs"`
	EntryCIDRs    []string            `json:"entryCIDRs"`
	NodesUnread   bool                `json:"nodesUnread"` // not all nodes were read yet
	Had           []string            `json:"had"`         // Services that were seen with endpoints before
	Gates         map[string]bool     `json:"gates"`       // readiness gates by their words; what is missing cannot be told
}

// cluster is what one .in.yaml holds.
type cluster struct {
	options
	gslbs       []*gslbv1beta1.Gslb
	delegations []*gslbv1beta1.ZoneDelegation
	endpoints   []*dnsendpoint.DNSEndpoint
	objects     []refs.Object
	namespaces  map[string]map[string]string
	nodes       map[string]string
	ranges      *translate.NodeRanges
}

func readCluster(t *testing.T, file string) *cluster {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	c := &cluster{namespaces: map[string]map[string]string{}, nodes: map[string]string{}, ranges: translate.NewNodeRanges()}
	for doc := range bytes.SplitSeq(data, []byte("\n---\n")) {
		var kind metav1.TypeMeta
		require.NoError(t, yaml.Unmarshal(doc, &kind))
		switch kind.Kind {
		case "Case":
			require.NoError(t, yaml.UnmarshalStrict(doc, &c.options))
		case "Gslb":
			c.gslbs = append(c.gslbs, decode[gslbv1beta1.Gslb](t, doc))
		case "ZoneDelegation":
			c.delegations = append(c.delegations, decode[gslbv1beta1.ZoneDelegation](t, doc))
		case "DNSEndpoint":
			c.endpoints = append(c.endpoints, decode[dnsendpoint.DNSEndpoint](t, doc))
		case "Namespace":
			ns := decode[corev1.Namespace](t, doc)
			c.namespaces[ns.Name] = ns.Labels
			c.objects = append(c.objects, ns)
		case "Node":
			node := decode[corev1.Node](t, doc)
			c.objects = append(c.objects, node)
			c.ranges.Set(node.Name, node)
			if cluster, virtual := translate.VirtualNode(node); virtual {
				c.nodes[node.Name] = cluster
			}
		default:
			row := refs.Row(kind.GroupVersionKind().GroupKind())
			require.NotNil(t, row, "%s: unknown kind %s", file, kind.Kind)
			require.Contains(t, row.Versions, kind.GroupVersionKind().Version)
			obj := row.New()
			unmarshal := yaml.UnmarshalStrict
			if row.Group == istio.Group { // of which the types have a part of the fields
				unmarshal = yaml.Unmarshal
			}
			require.NoError(t, unmarshal(doc, obj), "%s: %s", file, doc)
			c.objects = append(c.objects, obj)
		}
	}
	require.NotEmpty(t, c.Why, "%s says why it is there", file)
	return c
}

func decode[T any](t *testing.T, doc []byte) *T {
	t.Helper()
	v := new(T)
	require.NoError(t, yaml.UnmarshalStrict(doc, v))
	return v
}

// zones are those of the case's flags and ZoneDelegations.
func (c *cluster) zonesOf(t *testing.T) translate.ZonesOutput {
	t.Helper()
	in := translate.ZonesInput{
		Delegations: c.delegations, Self: gslb.GeoTag(c.Self),
		Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.53")}, Endpoints: c.endpoints,
		NamespaceLabels: func(ns string) map[string]string { return c.namespaces[ns] },
		HostOwner:       func(host gslb.Name) string { return c.Hosts[host.String()] },
		Trusted:         func(ns string) bool { return ns == "meridian" },
	}
	for _, text := range c.Zones {
		zone, edge, _ := strings.Cut(text, " ")
		in.Flags = append(in.Flags, gslb.ZoneIntent{Zone: gslb.MustName(zone), EdgeZone: gslb.MustName(edge), NegTTL: 30})
	}
	out := translate.Zones(in)
	in.Delegations, in.Endpoints = slices.Clone(in.Delegations), slices.Clone(in.Endpoints)
	slices.Reverse(in.Delegations)
	slices.Reverse(in.Endpoints)
	assert.Equal(t, out, translate.Zones(in), "the order in which objects are found does not matter")
	return out
}

// input gathers what one Gslb depends on, as a watcher does.
func (c *cluster) input(t *testing.T, g *gslbv1beta1.Gslb, zones []translate.Zone) translate.Input {
	t.Helper()
	in := translate.Input{
		Gslb: g, VirtualNodes: c.nodes, Zones: zones,
		Self: gslb.GeoTag(c.Self), Names: c.Names, AllowLoopback: c.AllowLoopback, ReadOnly: c.ReadOnly,
		ControlPlane: c.ControlPlane,
		Inside:       translate.Inside{Internal: prefixes(c.InternalCIDRs), Entries: prefixes(c.EntryCIDRs), Nodes: c.ranges, AllNodes: !c.NodesUnread},
		Down:         func(cluster string) bool { return slices.Contains(c.Down, cluster) },
		Had:          func(service types.NamespacedName) bool { return slices.Contains(c.Had, service.String()) },
		Resolved: func(name string) (addrs []netip.Addr) {
			for _, a := range c.Resolved[name] {
				addrs = append(addrs, netip.MustParseAddr(a))
			}
			return addrs
		},
		Gates: func(g translate.Gate) translate.GateState {
			is, known := c.Gates[g.String()]
			why := map[bool]string{true: "it is False (Told)", false: "it was not read yet"}[known]
			if is {
				why = ""
			}
			return translate.GateState{Known: known, True: is, Why: why}
		},
	}
	in.Found = refs.Gather(func(have *refs.Found) []refs.Key { return translate.DependsOn(g, have) }, func([]refs.Key) {}, c.find)
	return in
}

func prefixes(texts []string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// find gives every object of a kind that the case has; Found leaves out what is not meant.
func (c *cluster) find(k refs.Key) ([]refs.Object, refs.State) {
	if service, of := strings.CutPrefix(k.Labels, discoveryv1.LabelServiceName+"="); of && slices.Contains(c.Unreadable, service) {
		return nil, refs.Unread
	}
	if slices.Contains(c.Unreadable, refs.Word(k.Kind)) {
		return nil, refs.Unread
	}
	if slices.Contains(c.Absent, refs.Word(k.Kind)) {
		return nil, refs.Absent
	}
	var all []refs.Object
	for _, obj := range c.objects {
		if refs.KindOf(obj).GroupKind() == k.Kind {
			all = append(all, obj)
		}
	}
	return all, refs.Listed
}

// reversed gives the same input with every list that has no order turned round.
func (c *cluster) reversed(in translate.Input) translate.Input {
	turned := &refs.Found{}
	in.Found.Each(func(k refs.Key, state refs.State, objects []refs.Object) bool {
		objects = slices.Clone(objects)
		slices.Reverse(objects)
		for i, obj := range objects {
			if ing, ok := obj.(*networkingv1.Ingress); ok {
				ing = ing.DeepCopy()
				slices.Reverse(ing.Status.LoadBalancer.Ingress)
				objects[i] = ing
			}
		}
		turned.Put(k, state, objects...)
		return true
	})
	in.Found = turned
	return in
}

// TestGolden translates each testdata/NAME.in.yaml as a watcher would, and compares
// the offers and conditions with NAME.out.yaml.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.in.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 25)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".in.yaml")
		t.Run(name, func(t *testing.T) {
			got := render(t, readCluster(t, file))
			golden := strings.TrimSuffix(file, ".in.yaml") + ".out.yaml"
			if *update {
				require.NoError(t, os.WriteFile(golden, got, 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			sameLines(t, string(want), string(got))
		})
	}
}

// sameLines tells the first line that differs, since goldens are long.
func sameLines(t *testing.T, want, got string) {
	t.Helper()
	wanted, have := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(wanted), len(have)) {
		if i >= len(wanted) || i >= len(have) || wanted[i] != have[i] {
			assert.Equal(t, strings.Join(wanted[min(i, len(wanted)):min(i+5, len(wanted))], "\n"),
				strings.Join(have[min(i, len(have)):min(i+5, len(have))], "\n"), "from line %d on; -update writes it anew", i+1)
			return
		}
	}
}

func render(t *testing.T, c *cluster) []byte {
	t.Helper()
	zones := c.zonesOf(t)
	out := view{Zones: viewZones(zones)}
	for _, f := range zones.Findings {
		if f.On.Kind == dnsendpoint.Kind {
			out.Endpoints = append(out.Endpoints, fmt.Sprintf("%s %s: %s: %s", f.On, f.Path, f.Reason, f.Message))
		}
	}
	if len(c.endpoints) > 0 {
		for _, st := range zones.Stated {
			out.Stated = append(out.Stated, fmt.Sprintf("%s TYPE%d of zone %s by %s %s", st.Name, st.Type, st.Zone, st.On, st.Path))
		}
	}
	for _, obj := range c.objects {
		g, problems := translate.FromAnnotations(obj)
		for _, p := range problems {
			out.Problems = append(out.Problems, fmt.Sprintf("%s %s/%s: %s", refs.KindOf(obj).Kind, obj.GetNamespace(), obj.GetName(), p))
		}
		if g != nil {
			out.Annotated = append(out.Annotated, g)
			c.gslbs = append(c.gslbs, g)
		}
	}
	for _, g := range c.gslbs {
		in := c.input(t, g, zones.Zones)
		built := translate.Build(in)
		assert.Equal(t, built, translate.Build(c.reversed(in)), "the order in which objects are found does not matter")
		out.Gslbs = append(out.Gslbs, viewOf(built))
	}
	text, err := yaml.Marshal(out)
	require.NoError(t, err)
	return text
}
