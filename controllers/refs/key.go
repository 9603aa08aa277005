// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

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

// Key says which objects are meant, always of one kind, whatever version it is read in:
// the one with Name, or where Name is empty all that Labels selects. It is comparable;
// the zero Key means no object.
type Key struct {
	Kind      schema.GroupKind
	Namespace string // "": any, or none for kinds of cluster scope
	Name      string
	Labels    string // a selector in the text form of labels.Parse; "" selects all
	// Pods takes the labels for those of pods: a Service is meant if it has them itself, or
	// selects pods by them and perhaps more.
	Pods bool
	// Address means the Services that have it, an IP address or a host name, in their
	// status or among their external addresses; Labels are empty then.
	Address string
	// Inside, with Address: the objects are meant that have it inside the cluster, a Service as
	// its cluster IP, an EndpointSlice as that of a pod, a node as its own.
	Inside bool
	// Root means the objects by which a mesh sends elsewhere what is for the Service of this
	// name; Labels are empty then. See [SplitsKeys].
	Root string
}

// ByName is the key of one object.
func ByName(kind schema.GroupKind, namespace, name string) Key {
	return Key{Kind: kind, Namespace: namespace, Name: name}
}

// AllIn is the key of all objects of a kind in a namespace.
func AllIn(kind schema.GroupKind, namespace string) Key {
	return Key{Kind: kind, Namespace: namespace}
}

// IngressKey is the key of an Ingress by name.
func IngressKey(namespace, name string) Key { return ByName(KindIngress, namespace, name) }

// SliceLabels are the labels by which an EndpointSlice belongs to a Service or a
// ServiceImport.
func SliceLabels() []string { return []string{discoveryv1.LabelServiceName, labelImportName} }

// labelImportName of an EndpointSlice names the ServiceImport that it belongs to.
const labelImportName = "multicluster.kubernetes.io/service-name"

// SlicesKey is the key of the EndpointSlices of a Service.
func SlicesKey(service types.NamespacedName) Key {
	return Key{Kind: KindEndpointSlice, Namespace: service.Namespace, Labels: discoveryv1.LabelServiceName + "=" + service.Name}
}

// KeyOf reads a resourceRef of a Gslb in the given namespace. The Problem says that
// the kind cannot be read, or that the labels are wrong; nil if there is none.
func KeyOf(ref *gslbv1beta1.ResourceRef, namespace string) (Key, *Problem) {
	version, err := schema.ParseGroupVersion(ref.APIVersion)
	gvk := version.WithKind(ref.Kind)
	if err != nil || !Supported(gvk) {
		return Key{}, &Problem{
			Reason:  gslbv1beta1.ReasonResourceKindUnsupported,
			Message: fmt.Sprintf("this version cannot read %s %s; the kinds that work are %s", ref.APIVersion, ref.Kind, kindList()),
		}
	}
	key := Key{Kind: gvk.GroupKind(), Namespace: namespace, Name: ref.Name}
	labelled := ref.Selector()
	if labelled == nil {
		key.Namespace = cmp.Or(ref.Namespace, namespace)
		return key, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(labelled)
	if err != nil {
		return Key{}, &Problem{Reason: gslbv1beta1.ReasonResourceNotFound, Message: "the labels of resourceRef: " + err.Error()}
	}
	if selector.Empty() {
		return Key{}, &Problem{Reason: gslbv1beta1.ReasonResourceNotFound, Message: "resourceRef means no object: set name, or matchLabels or matchExpressions"}
	}
	key.Labels = selector.String()
	return key, nil
}

// IsZero reports that the key means no object.
func (k Key) IsZero() bool { return k.Kind.Empty() }

// Matcher gives the test whether an object of the key's kind is meant; it is for callers
// that ask often, as the labels are parsed once.
func (k Key) Matcher() func(Object) bool {
	if k.Name != "" || k.IsZero() {
		return func(obj Object) bool {
			return !k.IsZero() && obj.GetName() == k.Name && obj.GetNamespace() == k.Namespace
		}
	}
	if k.Inside {
		return func(obj Object) bool { return slices.Contains(insideAddresses(obj), k.Address) }
	}
	if k.Address != "" {
		return func(obj Object) bool { return slices.Contains(serviceAddresses(obj), k.Address) }
	}
	if k.Root != "" {
		return func(obj Object) bool {
			return obj.GetNamespace() == k.Namespace && slices.Contains(rootsOf(obj), k.Root)
		}
	}
	selector, err := labels.Parse(k.Labels)
	if err != nil {
		selector = labels.Nothing() // made from a selector, so it cannot be
	}
	return func(obj Object) bool {
		if k.Namespace != "" && obj.GetNamespace() != k.Namespace {
			return false
		}
		return selector.Matches(labels.Set(obj.GetLabels())) || k.Pods && selector.Matches(labels.Set(podLabels(obj)))
	}
}

// Matches reports that the key can mean an object of the key's kind.
func (k Key) Matches(obj Object) bool { return k.Matcher()(obj) }

// Pair gives a label with its value that every object that the key means has, as
// "label=value"; "" if there is none, or the key is by name. An index finds keys by it.
func (k Key) Pair() string {
	if k.Inside {
		return insidePair(k.Address)
	}
	if k.Address != "" {
		return addressPair(k.Address)
	}
	if k.Root != "" {
		return rootPair(k.Root)
	}
	if k.Name != "" || k.Labels == "" {
		return ""
	}
	selector, err := labels.Parse(k.Labels)
	if err != nil {
		return ""
	}
	requirements, _ := selector.Requirements()
	for i := range requirements {
		if value, exact := selector.RequiresExactMatch(requirements[i].Key()); exact {
			return requirements[i].Key() + "=" + value
		}
	}
	return ""
}

// Pairs lists what [Key.Pair] can be of a key that means the object.
func Pairs(obj Object) []string {
	var all []string
	for _, set := range []map[string]string{obj.GetLabels(), podLabels(obj)} {
		for label, value := range set {
			all = append(all, label+"="+value)
		}
	}
	for _, address := range serviceAddresses(obj) {
		all = append(all, addressPair(address))
	}
	for _, address := range insideAddresses(obj) {
		all = append(all, insidePair(address))
	}
	for _, root := range rootsOf(obj) {
		all = append(all, rootPair(root))
	}
	return all
}

// String says in words what is looked for: "Ingress test/app", or "Ingress in
// namespace test with labels app=shop".
func (k Key) String() string {
	word := Word(k.Kind)
	if k.Name != "" {
		return word + " " + strings.TrimPrefix(k.Namespace+"/"+k.Name, "/")
	}
	if k.Namespace != "" {
		word += " in namespace " + k.Namespace
	}
	if k.Labels != "" {
		word += " with labels " + k.Labels
	}
	switch {
	case k.Inside:
		word += " with address " + k.Address + " inside the cluster"
	case k.Address != "":
		word += " with address " + k.Address
	}
	if k.Root != "" {
		word += " for Service " + k.Root
	}
	return word
}
