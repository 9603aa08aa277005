// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// asking is the object of an optional kind whose annotation asked for a Gslb; the zero
// value: none did.
type asking struct {
	kind schema.GroupKind
	name string
}

// askedBy gives the object that a Gslb belongs to.
func askedBy(g *gslbv1beta1.Gslb) asking {
	ref := metav1.GetControllerOf(g)
	if ref == nil {
		return asking{}
	}
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil {
		return asking{}
	}
	row := refs.Row(gv.WithKind(ref.Kind).GroupKind())
	if row == nil || !row.Referable() || !row.Optional {
		return asking{}
	}
	return asking{kind: row.GroupKind, name: ref.Name}
}

// stillAsked reports that a Gslb that is gone is still asked for. A definition that is removed
// takes its objects with it, and the garbage collector takes their Gslbs, while what those
// objects said stays for a while: see keeper. When they go too, the Gslb is asked about again,
// as it depends on them.
func (c *collector) stillAsked(ctx context.Context, key types.NamespacedName) bool {
	last := c.last.get(key)
	if last == nil || last.asked == (asking{}) {
		return false
	}
	row := refs.Row(last.asked.kind)
	obj, ok := row.New().(client.Object)
	if !ok || c.objects.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: last.asked.name}, obj) != nil {
		return false
	}
	desired, problems := translate.FromAnnotations(obj)
	return obj.GetDeletionTimestamp().IsZero() && (desired != nil || len(problems) > 0)
}

// isKept reports that an object of a kind is only there because it is kept: nothing can
// belong to it.
func (c *collector) isKept(row *refs.Kind, key types.NamespacedName) bool {
	s := c.sources[refs.Word(row.GroupKind)]
	return s != nil && s.keeps != nil && s.keeps(key.String())
}
