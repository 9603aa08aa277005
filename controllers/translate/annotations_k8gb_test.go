// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

func TestWhatIsNotFollowedOfAnnotationsIsSaid(t *testing.T) {
	for value, want := range map[string]int{"604800": 1, "-1": 1, "0": 0, "30": 0} {
		ing := annotatedIngress(map[string]string{gslbv1beta1.K8gbAnnotationStrategy: "roundRobin", gslbv1beta1.K8gbAnnotationDNSTTLSeconds: value})
		notes := translate.AnnotationNotes(ing)
		require.Len(t, notes, want, value)
		for _, n := range notes {
			assert.Equal(t, "metadata.annotations[k8gb.io/dns-ttl-seconds]", n.Path)
			assert.Contains(t, n.Message, value+" is taken for ")
		}
	}
	ing := annotatedIngress(map[string]string{gslbv1beta1.AnnotationStrategy: "roundRobin", gslbv1beta1.AnnotationDNSTTLSeconds: "604800"})
	g, problems := translate.FromAnnotations(ing)
	assert.Nil(t, g, "of our own annotations nothing is bent")
	assert.Len(t, problems, 1)
}

// TestWeightsOfAGslbThatK8gbMadeStay: k8gb has no annotation for them.
func TestWeightsOfAGslbThatK8gbMadeStay(t *testing.T) {
	weights := map[string]gslbv1beta1.Weight{"eu": 5, "us": 1}
	for _, c := range []struct {
		why         string
		annotations map[string]string
		want        map[string]gslbv1beta1.Weight
	}{
		{"k8gb's strategy", map[string]string{gslbv1beta1.K8gbAnnotationStrategy: "roundRobin"}, weights},
		{"k8gb's strategy that has no weights", map[string]string{gslbv1beta1.K8gbAnnotationStrategy: "geoip"}, nil},
		{"k8gb's strategy with our weights", map[string]string{gslbv1beta1.K8gbAnnotationStrategy: "roundRobin", gslbv1beta1.AnnotationWeights: "eu=2"},
			map[string]gslbv1beta1.Weight{"eu": 2}},
		{"our strategy", map[string]string{gslbv1beta1.AnnotationStrategy: "roundRobin", gslbv1beta1.K8gbAnnotationStrategy: "roundRobin"}, nil},
	} {
		ing := annotatedIngress(c.annotations)
		desired, problems := translate.FromAnnotations(ing)
		require.Empty(t, problems, c.why)
		translate.KeepWeights(ing, desired, nil)
		existing := desired.DeepCopy()
		existing.Spec.Strategy.Weight = weights
		translate.KeepWeights(ing, desired, existing)
		assert.Equal(t, c.want, desired.Spec.Strategy.Weight, c.why)
	}
}
