// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// patches is an API that takes patches, and nothing else.
type patches struct {
	client.Client
	of []client.Object
}

func (p *patches) Patch(_ context.Context, obj client.Object, _ client.Patch, _ ...client.PatchOption) error {
	p.of = append(p.of, obj)
	return nil
}

// TestGslbsOfK8gbFollowAnnotationsOfTheirOwnerAlone: one that somebody wrote beside an annotated
// object of its name is left alone, as is what is of another object, or is being deleted.
func TestGslbsOfK8gbFollowAnnotationsOfTheirOwnerAlone(t *testing.T) {
	ing := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{
		Namespace: "a", Name: "app", UID: "u-ingress", Annotations: map[string]string{gslbv1beta1.AnnotationStrategy: "roundRobin"},
	}}
	desired, problems := translate.FromAnnotations(ing)
	require.Empty(t, problems)
	other := ing.DeepCopy()
	other.UID = "u-another"
	of := func(owner client.Object) []metav1.OwnerReference {
		return []metav1.OwnerReference{*metav1.NewControllerRef(owner, networkingv1.SchemeGroupVersion.WithKind("Ingress"))}
	}
	for _, c := range []struct {
		why   string
		meta  metav1.ObjectMeta
		wrote bool
	}{
		{"it is of the annotated object", metav1.ObjectMeta{OwnerReferences: of(ing)}, true},
		{"somebody wrote it", metav1.ObjectMeta{}, false},
		{"it is of an object of the same name that is gone", metav1.ObjectMeta{OwnerReferences: of(other)}, false},
		{"it is being deleted", metav1.ObjectMeta{OwnerReferences: of(ing), DeletionTimestamp: new(metav1.Now())}, false},
	} {
		c.meta.Namespace, c.meta.Name, c.meta.UID = "a", "app", "u-gslb"
		theirs := &k8gb.Gslb{ObjectMeta: c.meta, Spec: k8gb.GslbSpec{Strategy: k8gb.Strategy{Type: "failover", PrimaryGeoTag: "us"}}}
		for _, twins := range []translate.Twins{{K8gb: theirs}, {Absa: absa.From(theirs)}} {
			api := &patches{}
			wrote, err := (&Controllers{client: api}).writeAnnotatedIncumbent(t.Context(), ing, twins, desired)
			require.NoError(t, err, c.why)
			assert.Equal(t, c.wrote, wrote, c.why)
			assert.Equal(t, c.wrote, len(api.of) == 1, c.why)
			assert.Equal(t, "failover", theirs.Spec.Strategy.Type, "what the cache has is never changed")
		}
	}
}
