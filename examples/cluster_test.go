// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/api/validate"
	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

var (
	zone = gslb.MustName("cloud.example.com")
	edge = gslb.MustName("example.com")
)

// cluster is one cluster with its Meridian.
type cluster struct {
	tag     gslb.GeoTag
	objects []refs.Object
	nodes   map[string]string
	gslbs   map[string]*built // by namespace/name
	store   *gslb.Store
}

// built is a Gslb of a cluster and what was made of it.
type built struct {
	gslb *gslbv1beta1.Gslb
	out  translate.Output
}

// newCluster translates the objects of a cluster as its controllers do.
func newCluster(t *testing.T, v *validate.Validator, tag gslb.GeoTag, manifests []object) *cluster {
	t.Helper()
	c := &cluster{tag: tag, nodes: map[string]string{}, gslbs: map[string]*built{}}
	var gslbs []*gslbv1beta1.Gslb
	for _, m := range manifests {
		raw, err := yaml.Marshal(m)
		require.NoError(t, err)
		objects, problems := v.Objects(t.Context(), key(m)+" of "+string(tag), raw)
		require.Empty(t, problems)
		for _, o := range objects {
			switch obj := o.Value.(type) {
			case nil: // not read
			case *gslbv1beta1.Gslb:
				gslbs = append(gslbs, obj)
			case refs.Object:
				c.objects = append(c.objects, obj)
				if cluster, virtual := translate.VirtualNode(obj); virtual {
					c.nodes[obj.GetName()] = cluster
				}
			}
		}
	}
	for _, obj := range c.objects {
		g, problems := translate.FromAnnotations(obj)
		require.Empty(t, problems)
		if g != nil {
			gslbs = append(gslbs, g)
		}
	}
	for _, g := range gslbs {
		g.CreationTimestamp = metav1.NewTime(time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC))
		c.gslbs[g.Namespace+"/"+g.Name] = &built{gslb: g}
	}
	c.translate()
	return c
}

// translate makes the offers of every Gslb, by what the World says of the other clusters.
func (c *cluster) translate() {
	zones := translate.Zones(translate.ZonesInput{Self: c.tag, Flags: []gslb.ZoneIntent{intent()}})
	for _, b := range c.gslbs {
		in := translate.Input{
			Gslb: b.gslb, VirtualNodes: c.nodes, Zones: zones.Zones, Self: c.tag,
		}
		if c.store != nil {
			in.Down, in.Bare = controllers.Down(c.store.World()), controllers.Bare(c.store.World())
		}
		in.Found = refs.Gather(func(have *refs.Found) []refs.Key { return translate.DependsOn(b.gslb, have) }, func([]refs.Key) {}, c.find)
		b.out = translate.Build(in)
	}
}

// heed translates anew with what the World says of the other clusters, as the controllers
// do.
func (c *cluster) heed() {
	c.translate()
	for _, b := range c.gslbs {
		c.store.SetObject(b.out.Source, b.out.Offers)
	}
}

// status is that of a Gslb of the cluster, as its controllers write it.
func (c *cluster) status(b *built) *gslbv1beta1.GslbStatus {
	s := controllers.StatusOf(b.gslb, &b.out, c.store.World(), time.Now())
	return &s
}

func (c *cluster) find(k refs.Key) ([]refs.Object, refs.State) {
	var all []refs.Object
	for _, obj := range c.objects {
		if refs.KindOf(obj).GroupKind() == k.Kind {
			all = append(all, obj)
		}
	}
	return all, refs.Listed
}

func intent() gslb.ZoneIntent {
	return gslb.ZoneIntent{Zone: zone, EdgeZone: edge, NegTTL: 30, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.53")}}
}

// run starts the Store of a cluster, and gives the Gslbs to it. probe is what health
// checks find.
func (c *cluster) run(t *testing.T, probe gslb.Health) {
	t.Helper()
	var err error
	c.store, err = gslb.NewStore(gslb.Config{Self: c.tag, ClusterID: "id-" + string(c.tag)})
	require.NoError(t, err)
	c.store.SetZones([]gslb.ZoneIntent{intent()})
	for _, b := range c.gslbs {
		c.store.SetObject(b.out.Source, b.out.Offers)
		for _, o := range b.out.Offers {
			for i := range o.Entries {
				if o.Check != nil && o.Entries[i].Addr.IsValid() {
					c.store.SetVerdict(gslb.Verdict{Host: o.Host, Addr: o.Entries[i].Addr, Health: probe})
				}
			}
		}
	}
	c.store.SetLocal(gslb.LocalState{Mark: 1, Synced: true})
	done := make(chan error)
	go func() { done <- c.store.Run(t.Context()) }()
	t.Cleanup(func() { assert.NoError(t, <-done) })
}

// converse lets the clusters tell each other what they offer; those in lost stop then,
// and the others go on until they are taken for lost.
func converse(t *testing.T, all []*cluster, lost map[gslb.GeoTag]bool) {
	t.Helper()
	settle()
	for serial := uint32(1); serial <= 15; serial++ {
		for _, from := range all {
			if lost[from.tag] && serial > 3 {
				continue
			}
			r := from.store.World().OwnReport(zone)
			require.NotNil(t, r)
			r.Instance, r.Serial = "i-"+string(from.tag), serial
			for _, to := range all {
				if to == from {
					continue
				}
				copied := *r
				require.NoError(t, to.store.SetReport(&copied))
				to.store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: from.tag, ID: "id-" + string(from.tag), Instance: r.Instance, At: time.Now()})
			}
		}
		settle()
		for _, c := range all {
			if !lost[c.tag] {
				c.heed()
			}
		}
		settle()
		if len(lost) == 0 && serial == 3 {
			return
		}
		time.Sleep(time.Second)
	}
	settle()
}

func settle() {
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
}
