// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// tenants is one API server with Gslbs of several namespaces, and two replicas whose clocks
// differ; the first leads.
type tenants struct {
	t        *testing.T
	random   *rand.Rand
	clock    time.Time
	bench    *bench
	replicas [2]*collector
	skew     [2]time.Duration
	uids     int
}

var (
	tenantKeys = []types.NamespacedName{nn("a", "g"), nn("b", "g"), nn("b", "h"), nn("c", "g")}
	wanted     = []string{"x.cloud.example.com", "y.cloud.example.com", "z.cloud.example.com"}
)

// start makes a new process of a replica, which reads everything, in any order.
func (s *tenants) start(i int) {
	s.t.Helper()
	c, err := newCollector(s.bench.cfg, slog.New(slog.DiscardHandler), testMetrics(s.t), s.bench.api, func(task) {})
	require.NoError(s.t, err)
	c.claims.now = func() time.Time { return s.clock.Add(s.skew[i]) }
	c.translateZones(s.t.Context())
	for _, at := range s.random.Perm(len(tenantKeys)) {
		c.translate(s.t.Context(), tenantKeys[at], s.clock)
	}
	close(c.synced)
	s.replicas[i] = c
}

// get reads a Gslb; nil: there is none.
func (s *tenants) get(key types.NamespacedName) *gslbv1beta1.Gslb {
	s.t.Helper()
	g := &gslbv1beta1.Gslb{}
	if err := s.bench.api.Get(s.t.Context(), key, g); client.IgnoreNotFound(err) != nil || err != nil {
		require.NoError(s.t, client.IgnoreNotFound(err))
		return nil
	}
	return g
}

// edit changes one Gslb in some way, and says how.
func (s *tenants) edit() string {
	s.t.Helper()
	key := tenantKeys[s.random.IntN(len(tenantKeys))]
	g, host := s.get(key), wanted[s.random.IntN(len(wanted))]
	var did string
	switch {
	case g == nil:
		s.uids++
		g = &gslbv1beta1.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Generation: 1,
			UID: types.UID(fmt.Sprint(s.uids)), CreationTimestamp: metav1.NewTime(s.clock.Truncate(time.Second))},
			Spec: gslbv1beta1.GslbSpec{Strategy: gslbv1beta1.Strategy{Type: gslbv1beta1.RoundRobin}, EntryAddresses: []gslbv1beta1.Address{"192.0.2.1"},
				Ingress: &gslbv1beta1.IngressSpec{Rules: []gslbv1beta1.IngressRule{{Host: gslbv1beta1.Host(host)}}}}}
		require.NoError(s.t, s.bench.api.Create(s.t.Context(), g))
		did = "made with " + host
	case s.random.IntN(6) == 0:
		require.NoError(s.t, s.bench.api.Delete(s.t.Context(), g))
		did = "deleted"
	default:
		rules, is := g.Spec.Ingress.Rules, func(r gslbv1beta1.IngressRule) bool { return string(r.Host) == host }
		did = "takes " + host
		if slices.ContainsFunc(rules, is) {
			g.Spec.Ingress.Rules, did = slices.DeleteFunc(rules, is), "leaves "+host
		} else {
			g.Spec.Ingress.Rules = append(rules, gslbv1beta1.IngressRule{Host: gslbv1beta1.Host(host)})
		}
		g.Generation++
		require.NoError(s.t, s.bench.api.Update(s.t.Context(), g))
	}
	for _, c := range s.replicas {
		c.translate(s.t.Context(), key, s.clock)
	}
	return key.String() + " " + did
}

// settle has the leader write every status, and both replicas read them.
func (s *tenants) settle() {
	s.t.Helper()
	for _, key := range tenantKeys {
		g := s.get(key)
		if g == nil {
			continue
		}
		g.Status.ObservedGeneration, g.Status.Servers = g.Generation, s.replicas[0].last.get(key).out.Servers
		require.NoError(s.t, s.bench.api.Update(s.t.Context(), g))
		for _, c := range s.replicas {
			if c.claims.differs(s.get(key)) {
				c.translate(s.t.Context(), key, s.clock)
			}
		}
	}
}

// holders gives who has each host, by what a replica knows.
func holders(c *collector) map[string]types.NamespacedName {
	all := make(map[string]types.NamespacedName)
	for _, text := range wanted {
		host := gslb.MustName(text)
		var first *gslb.Offer
		for _, key := range c.last.having(host) {
			for _, o := range c.last.get(key).out.Offers {
				if o.Host == host && (first == nil || translate.ClaimsBefore(o, first)) {
					first = o
				}
			}
		}
		if first != nil {
			all[text] = nn(first.Source.Namespace, first.Source.Name)
		}
	}
	return all
}

// keep checks that nobody lost a host that it still claims.
func (s *tenants) keep(why string, before, now map[string]types.NamespacedName, c *collector) {
	s.t.Helper()
	for host, had := range before {
		if !slices.Contains(c.last.having(gslb.MustName(host)), had) {
			continue // it does not claim it any more
		}
		require.Equal(s.t, had, now[host], "%s: %s was its", why, host)
	}
}

// TestNobodyTakesTheHostOfAnother: whatever is made, edited, deleted, made anew, restarted and
// led by another replica, a host stays with who has it until that gives it up; and all
// replicas say so once the statuses are written.
func TestNobodyTakesTheHostOfAnother(t *testing.T) {
	for seed := range uint64(12) {
		s := &tenants{t: t, random: rand.New(rand.NewPCG(seed, 1)), clock: epoch, bench: newBench(t)} //nolint:gosec // a seed makes a test the same every time
		s.skew[1] = time.Duration(s.random.IntN(4000)-2000) * time.Millisecond
		s.start(0)
		s.start(1)
		for step := range 60 {
			s.clock = s.clock.Add(time.Duration(s.random.IntN(1200)) * time.Millisecond)
			before := holders(s.replicas[0])
			why := fmt.Sprintf("seed %d, step %d: %s", seed, step, s.edit())
			now := holders(s.replicas[0])
			s.keep(why, before, now, s.replicas[0])
			if s.random.IntN(3) > 0 {
				continue
			}
			s.settle()
			require.Equal(t, now, holders(s.replicas[0]), "%s: statuses change nothing for who wrote them", why)
			require.Equal(t, now, holders(s.replicas[1]), "%s: the replicas agree", why)
			switch s.random.IntN(3) {
			case 0:
				i := s.random.IntN(2)
				s.start(i)
				require.Equal(t, now, holders(s.replicas[i]), "%s: replica %d starts anew", why, i)
			case 1:
				s.replicas[0], s.replicas[1] = s.replicas[1], s.replicas[0]
				s.skew[0], s.skew[1] = s.skew[1], s.skew[0]
				s.replicas[0].claims.now = func() time.Time { return s.clock.Add(s.skew[0]) }
				s.replicas[1].claims.now = func() time.Time { return s.clock.Add(s.skew[1]) }
			}
		}
	}
}
