// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// stillFor is how long a loop of writers is looked for.
const stillFor = time.Minute

// still holds for a minute, by a watch and by the requests themselves, that nothing is
// written to the Gslb of a namespace, nor beside it, unless what the World tells of its host
// changes; and then its status alone. The check ends meanwhile: the end of the package waits
// for the minute, and says what was seen.
func (s *site) still(ns, host string) {
	s.t.Helper()
	name, tag := gslb.MustName(host), s.store.World().Self
	beside.seen.follow(name, s.store.World())
	s.renewals(3) // what was on its way is written
	g := &gslbv1beta1.Gslb{}
	require.NoError(s.t, s.api.Get(s.t.Context(), client.ObjectKey{Namespace: ns, Name: "podinfo"}, g))
	before := len(s.writesIn(ns))
	seen, err := s.api.Watch(beside.life.ctx, &gslbv1beta1.GslbList{}, client.InNamespace(ns),
		&client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: g.ResourceVersion}})
	require.NoError(s.t, err)
	beside.still.Go(func() {
		defer seen.Stop()
		updates := beside.updates(g, seen, time.After(stillFor))
		writes := s.writesIn(ns)[before:]
		// Each change may be written in two steps, and the second of them in vain.
		if changes := beside.seen.changes(name, tag); max(updates, len(writes)) > 2*changes {
			beside.seen.breaks("%s in %s: what is known of it changed %d times, and it was written %d times: %q", host, tag, changes, updates, writes)
		}
		for _, write := range writes {
			if !strings.HasSuffix(write, "/gslbs/podinfo/status") {
				beside.seen.breaks("in namespace %s of %s: %s", ns, tag, write)
			}
		}
	})
}

// updates counts those of a Gslb until the end, and holds that they change its status alone.
func (n *neighbours) updates(first *gslbv1beta1.Gslb, seen watch.Interface, end <-chan time.Time) (count int) {
	for {
		select {
		case <-end:
			return count
		case event, open := <-seen.ResultChan():
			g, ok := event.Object.(*gslbv1beta1.Gslb)
			if !open || !ok {
				n.seen.breaks("the watch of %s ended: %v", first.Name, event)
				return count
			}
			count++
			if event.Type != watch.Modified || g.Generation != first.Generation || !equality.Semantic.DeepEqual(g.Spec, first.Spec) ||
				!slices.Equal(g.Finalizers, first.Finalizers) || !equality.Semantic.DeepEqual(g.Annotations, first.Annotations) {
				n.seen.breaks("Gslb %s/%s: %s, generation %d, finalizers %q, annotations %q", g.Namespace, g.Name, event.Type, g.Generation, g.Finalizers, g.Annotations)
			}
		}
	}
}

// writesIn gives what Meridian wrote in a namespace, but for events.
func (s *site) writesIn(ns string) []string {
	return slices.DeleteFunc(s.writes.list(), func(write string) bool {
		return !strings.Contains(write, "/namespaces/"+ns+"/") || strings.Contains(write, "/events")
	})
}

// fieldsOf gives, for each set of fields of a Gslb that Meridian owns, the subresource by which
// it wrote them.
func fieldsOf(g *gslbv1beta1.Gslb) (subresources []string) {
	for _, m := range g.ManagedFields {
		if m.Manager == gslbv1beta1.ManagedByMeridian {
			subresources = append(subresources, m.Subresource)
		}
	}
	return subresources
}
