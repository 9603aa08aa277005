// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// Object is any object of an API server.
type Object interface {
	metav1.Object
	runtime.Object
}

// Problem says why a reference gives no target.
type Problem struct {
	Reason  string // of condition Resolved, one of api/v1beta1
	Message string
}

// Key says which objects a reference can mean: the one with Name, or where Name is
// empty those that Selector selects, always of one kind in one namespace.
type Key struct {
	Kind      schema.GroupVersionKind
	Namespace string
	Name      string
	Selector  labels.Selector // nil if Name is set
}

// KeyOf reads a resourceRef of a Gslb in the given namespace. The Problem says that
// the kind cannot be read, or that the labels are wrong; nil if there is none.
func KeyOf(ref *gslbv1beta1.ResourceRef, namespace string) (Key, *Problem) {
	version, err := schema.ParseGroupVersion(ref.APIVersion)
	key := Key{Kind: version.WithKind(ref.Kind), Namespace: namespace, Name: ref.Name}
	if err != nil || !Supported(key.Kind) {
		return Key{}, &Problem{
			Reason:  gslbv1beta1.ReasonResourceKindUnsupported,
			Message: fmt.Sprintf("this version cannot read %s %s; the kinds that work are %s", ref.APIVersion, ref.Kind, kindList()),
		}
	}
	selector := ref.Selector()
	if selector == nil {
		if ref.Namespace != "" {
			key.Namespace = ref.Namespace
		}
		return key, nil
	}
	key.Selector, err = metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return Key{}, &Problem{Reason: gslbv1beta1.ReasonResourceNotFound, Message: "the labels of resourceRef: " + err.Error()}
	}
	if key.Selector.Empty() {
		return Key{}, &Problem{Reason: gslbv1beta1.ReasonResourceNotFound, Message: "resourceRef means no object: set name, or matchLabels or matchExpressions"}
	}
	return key, nil
}

// IngressKey is the key of an Ingress by name.
func IngressKey(namespace, name string) Key {
	return Key{Kind: ingressKind, Namespace: namespace, Name: name}
}

// IsZero reports that the key means no object.
func (k Key) IsZero() bool { return k.Kind.Empty() }

// Matches reports that the key can mean an object of the key's kind.
func (k Key) Matches(obj metav1.Object) bool {
	switch {
	case k.IsZero() || obj.GetNamespace() != k.Namespace:
		return false
	case k.Name != "":
		return obj.GetName() == k.Name
	}
	return k.Selector.Matches(labels.Set(obj.GetLabels()))
}

// String says in words what is looked for: "Ingress test/app", or "Ingress in
// namespace test with labels app=shop".
func (k Key) String() string {
	if k.Name != "" {
		return k.Kind.Kind + " " + k.Namespace + "/" + k.Name
	}
	return fmt.Sprintf("%s in namespace %s with labels %s", k.Kind.Kind, k.Namespace, k.Selector)
}

// Select gives the object that the key means among those that were found; others
// may be among them. A reference by labels that match several is ambiguous.
func (k Key) Select(found []Object) (Object, *Problem) {
	var matching []Object
	for _, obj := range found {
		if KindOf(obj) == k.Kind && k.Matches(obj) {
			matching = append(matching, obj)
		}
	}
	switch len(matching) {
	case 0:
		return nil, &Problem{Reason: gslbv1beta1.ReasonResourceNotFound, Message: "there is no " + k.String()}
	case 1:
		return matching[0], nil
	}
	var names []string
	for _, obj := range matching {
		names = append(names, obj.GetName())
	}
	slices.Sort(names)
	return nil, &Problem{
		Reason:  gslbv1beta1.ReasonResourceAmbiguous,
		Message: fmt.Sprintf("%d objects match %s: %s; make the labels match one, or set resourceRef.name", len(names), k, strings.Join(names, ", ")),
	}
}
