// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/yaml"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// TestReplicaThatSawAHostGoAndComeAgreesWithALeaderThatDidNot: the leader read the object after
// both edits, so for it the claim never ended.
func TestReplicaThatSawAHostGoAndComeAgreesWithALeaderThatDidNot(t *testing.T) {
	status := func(generation int64) gslbv1beta1.GslbStatus {
		s := recorded("one", 0.0, "two", 5.0)
		s.ObservedGeneration = generation
		return s
	}
	follower := newClaimedBy(status(1))
	follower.gslb.Generation = 1
	follower.translate(10, "one", "two")
	follower.gslb.Generation = 2
	follower.translate(20, "one")
	follower.gslb.Generation = 3
	assert.Equal(t, map[string]float64{"one": 0, "two": 22}, follower.translate(22, "one", "two"), "the status lags")
	follower.gslb.Status = status(3)
	require.True(t, follower.differs(&follower.gslb), "whoever leads says what it is of the third generation")
	assert.Equal(t, map[string]float64{"one": 0, "two": 5}, follower.translate(23, "one", "two"))
	assert.False(t, follower.differs(&follower.gslb))
}

// TestReplicaGivesInOnAHostThatAnIngressNamesAgain: no generation of the Gslb tells what was seen.
func TestReplicaGivesInOnAHostThatAnIngressNamesAgain(t *testing.T) {
	for _, leads := range []bool{true, false} {
		p := newClaimedBy(recorded("one", 0.0, "two", 5.0))
		p.leads = func() bool { return leads }
		p.translate(10, "one", "two")
		p.translate(20, "one")
		assert.Equal(t, map[string]float64{"one": 0, "two": 21}, p.translate(21, "one", "two"), "the status lags")
		p.clock = at(22)
		again := p.apply(&p.gslb, nn("a", "g"), naming("one", "two"), nil)
		assert.False(t, p.differs(&p.gslb))
		if leads {
			assert.Zero(t, again)
			assert.Equal(t, map[string]float64{"one": 0, "two": 21}, p.translate(100, "one", "two"), "who leads writes what it saw")
			continue
		}
		assert.Equal(t, 28*time.Second, again)
		assert.Equal(t, map[string]float64{"one": 0, "two": 5}, p.translate(50, "one", "two"), "whoever leads never saw that it was gone")
		assert.Zero(t, p.apply(&p.gslb, nn("a", "g"), naming("one", "two"), nil))
	}
}

func TestTimesBeyondAllCalendarsAreNone(t *testing.T) {
	var end metav1.MicroTime
	require.NoError(t, yaml.Unmarshal([]byte(`"9999-12-31T23:59:59.999999-12:00"`), &end))
	s := recorded("one", 0.0, "two", 0.0)
	s.Servers[1].ClaimedAt = &end
	p := newClaimedBy(s)
	p.beside["one"] = standing{}
	out := naming("one", "two", "tri")
	p.beside["tri"] = standing{others: time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)}
	p.apply(&p.gslb, nn("a", "g"), out, func(n gslb.Name) standing { return p.beside[n.String()[:3]] })
	for i, o := range out.Offers {
		_, err := o.Created.MarshalJSON() // as a saved World has it
		assert.NoError(t, err, "%s", o.Host)
		assert.Less(t, out.Servers[i].ClaimedAt.UTC().Year(), 10000, "%s", o.Host)
	}
}

// TestWriterKeepsARecordThatWasNotTakenInYet: what the last leader recorded is in the cache, and
// the translation still has our own time; writing that, all replicas would turn to it and back.
func TestWriterKeepsARecordThatWasNotTakenInYet(t *testing.T) {
	var in statusInput
	synctest.Test(t, func(t *testing.T) { in = scene{own: []part{healthy("192.0.2.1")}}.input(t) })
	made := metav1.NewTime(epoch)
	g := &gslbv1beta1.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "g", UID: "u", Generation: 3, CreationTimestamp: made}}
	b := newBench(t, g)
	rec := &translation{uid: "u", out: *in.out}
	rec.out.Servers = []gslbv1beta1.Server{{Host: app}}
	b.claims.now = func() time.Time { return at(20) }
	b.claims.apply(g, nn("a", "g"), &rec.out, func(gslb.Name) standing { return standing{own: at(20)} })
	b.last.put(nn("a", "g"), rec)

	g.Status = gslbv1beta1.GslbStatus{ObservedGeneration: 3, Servers: []gslbv1beta1.Server{{Host: app, ClaimedAt: &metav1.MicroTime{Time: at(7)}}}}
	api := fake.NewClientBuilder().WithScheme(b.api.Scheme()).WithObjects(g).WithStatusSubresource(g).Build()
	b.objects = api
	c := &Controllers{collector: b.collector, client: api, told: newTold(), refusals: refusals{why: make(map[types.NamespacedName]string)},
		events: newEventer(record.NewFakeRecorder(100), b.metrics)}
	c.world.Store(in.world)
	wrote, err := c.writeStatus(t.Context(), nn("a", "g"))
	require.NoError(t, err)
	assert.True(t, wrote)
	require.NoError(t, api.Get(t.Context(), nn("a", "g"), g))
	assert.Equal(t, "eu", g.Status.GeoTag)
	assert.True(t, at(7).Equal(g.Status.Servers[0].ClaimedAt.Time), "%s", g.Status.Servers[0].ClaimedAt)
	assert.True(t, at(20).Equal(rec.out.Servers[0].ClaimedAt.Time), "the translation is not changed")
}

// worldly is a ledger that knows a World.
type worldly struct {
	*ledger
	world *gslb.World
}

func (s worldly) World() *gslb.World { return s.world }

// TestRecordsAtAHostAreOfWhoHasIt: namespace b claimed it first in this cluster, and a has it by
// its claim in another. So b states no records at it, such as those that prove who one is.
func TestRecordsAtAHostAreOfWhoHasIt(t *testing.T) {
	here := []part{healthy("192.0.2.1"), {from: older, age: time.Hour, health: gslb.Healthy, addrs: []string{"192.0.2.9"}}}
	var alone, both statusInput
	synctest.Test(t, func(t *testing.T) { alone = scene{own: here}.input(t) })
	synctest.Test(t, func(t *testing.T) {
		both = scene{own: here, us: []part{{from: ownSource, age: 2 * time.Hour, health: gslb.Healthy, addrs: []string{"198.51.100.1"}}}}.input(t)
	})
	b := newBench(t)
	for _, p := range here {
		o := p.offer(app)
		b.last.put(nn(o.Source.Namespace, o.Source.Name), &translation{out: translate.Output{
			Source: o.Source, Hosts: []translate.HostStatus{{Host: o.Host, Offered: true}}, Offers: []*gslb.Offer{o}}})
	}
	host := gslb.MustName(app)
	assert.Equal(t, "b", b.ownerOf(host), "nothing is known but the claims")
	b.cfg.Store = worldly{b.store, alone.world}
	assert.Equal(t, "b", b.ownerOf(host))
	b.cfg.Store = worldly{b.store, both.world}
	assert.Equal(t, "a", b.ownerOf(host))

	b.observeHolders(alone.world, both.world)
	assert.Zero(t, b.queue.Len(), "nobody states records")
	b.zones.Store(&translate.ZonesOutput{Endpoints: 1})
	b.observeHolders(both.world, both.world)
	assert.Zero(t, b.queue.Len(), "it is the same")
	b.observeHolders(alone.world, both.world)
	b.observeHolders(nil, both.world)
	assert.Equal(t, 1, b.queue.Len(), "the zones are looked at again")
}
