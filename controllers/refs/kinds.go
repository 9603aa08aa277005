// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var ingressKind = networkingv1.SchemeGroupVersion.WithKind("Ingress")

// A kind is one row of the table: which kind it is, how to tell its Go type (typed
// objects carry no kind of their own), and what an object of it means.
type kind struct {
	gvk  schema.GroupVersionKind
	is   func(Object) bool
	read func(Object) Target
}

// kinds lists the kinds that a resourceRef can point to. A new kind is a new file
// with its read function, and a row here.
func kinds() []kind {
	return []kind{
		{ingressKind, isA[*networkingv1.Ingress], func(o Object) Target { return readIngress(o.(*networkingv1.Ingress)) }},
	}
}

func isA[T Object](o Object) bool {
	_, ok := o.(T)
	return ok
}

// Supported reports that objects of the kind can be referred to.
func Supported(gvk schema.GroupVersionKind) bool {
	return slices.ContainsFunc(kinds(), func(k kind) bool { return k.gvk == gvk })
}

// Kinds lists the kinds that can be referred to, so that callers know what to watch.
func Kinds() []schema.GroupVersionKind {
	var all []schema.GroupVersionKind
	for _, k := range kinds() {
		all = append(all, k.gvk)
	}
	return all
}

// KindOf gives the kind of an object, typed objects carry none of their own; the empty
// kind if it is not in the table.
func KindOf(obj Object) schema.GroupVersionKind {
	for _, k := range kinds() {
		if k.is(obj) {
			return k.gvk
		}
	}
	return schema.GroupVersionKind{}
}

// kindList names the kinds as they are written in a resourceRef.
func kindList() string {
	var words []string
	for _, k := range kinds() {
		words = append(words, k.gvk.Kind+" ("+k.gvk.GroupVersion().String()+")")
	}
	return strings.Join(words, ", ")
}
