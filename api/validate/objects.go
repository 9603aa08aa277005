// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"context"
	"embed"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// Object is one object of a file that has nothing wrong with it.
type Object struct {
	// File is the name that the caller gave, Line where the object begins, from 1.
	File string
	Line int
	// Kind is its API group, version and kind.
	Kind schema.GroupVersionKind
	// Namespace is "default" where a namespaced object of a known kind gives none.
	Namespace, Name string
	// Value is the object with its defaults filled in, without the status if it is a
	// Gslb or ZoneDelegation; nil if Meridian does not read the kind.
	Value runtime.Object
	// Status is the status as it stands in the file, of whatever kind; nil: there is none.
	Status map[string]any
}

// String is kind, namespace and name, such as "Gslb test/app".
func (o Object) String() string { return describe(o.Kind.Kind, o.Namespace, o.Name) }

// Validator holds the compiled rules. It is immutable and safe for concurrent use.
type Validator struct {
	resources map[schema.GroupVersionKind]*resource
	others    *runtime.Scheme
	custom    *runtime.Scheme
}

// New compiles the embedded CustomResourceDefinitions, those of k8gb too, which takes some 30 ms. An
// error means that the program was built wrongly.
func New() (*Validator, error) {
	v := &Validator{
		resources: map[schema.GroupVersionKind]*resource{},
		others:    runtime.NewScheme(),
		custom:    runtime.NewScheme(),
	}
	for _, add := range []func(*runtime.Scheme) error{gslbv1beta1.AddToScheme, k8gb.AddToScheme, absa.AddToScheme} {
		if err := add(v.custom); err != nil {
			return nil, fmt.Errorf("registering the API: %w", err)
		}
	}
	for folder, files := range map[*embed.FS][]string{
		&gslbv1beta1.CRDs: {gslbv1beta1.GslbCRDFile, gslbv1beta1.ZoneDelegationCRDFile},
		&k8gb.CRDs:        {k8gb.GslbCRDFile, k8gb.ZoneDelegationCRDFile, k8gb.AbsaGslbCRDFile},
	} {
		for _, file := range files {
			definition, err := folder.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("reading the embedded definitions: %w", err)
			}
			compiled, err := newResource(definition)
			if err != nil {
				return nil, err
			}
			v.resources[compiled.kind] = compiled
		}
	}
	v.others.AddKnownTypes(dnsendpoint.GroupVersion, &dnsendpoint.DNSEndpoint{})
	v.others.AddKnownTypes(networkingv1.SchemeGroupVersion, &networkingv1.Ingress{})
	v.others.AddKnownTypes(corev1.SchemeGroupVersion, &corev1.Service{}, &corev1.Namespace{}, &corev1.Node{})
	v.others.AddKnownTypes(discoveryv1.SchemeGroupVersion, &discoveryv1.EndpointSlice{})
	for kind, obj := range foreignKinds() {
		for _, version := range foreignVersions(kind) {
			v.others.AddKnownTypeWithName(kind.WithVersion(version), obj)
		}
	}
	return v, nil
}

// Objects reads the objects of a YAML or JSON file, which may hold several documents
// and lists. A Gslb or ZoneDelegation, k8gb's too, gets the verdict that an API server gives when
// it is created; Ingress, Service, EndpointSlice, Namespace, Node and DNSEndpoint are decoded
// strictly and the fields that Meridian reads are checked; objects of other kinds are
// returned without Value. Objects with a problem are left out. Both results are in
// the order of the file.
func (v *Validator) Objects(ctx context.Context, file string, data []byte) ([]Object, []Problem) {
	var objects []Object
	var problems []Problem
	for _, doc := range documents(data) {
		content, problem := doc.decode(file)
		if problem != nil {
			problems = append(problems, *problem)
			continue
		}
		for _, found := range expand(content, place{file: file, line: doc.line, node: doc.nodes()}) {
			object, wrong := v.object(ctx, found)
			if len(wrong) > 0 {
				problems = append(problems, wrong...)
				continue
			}
			objects = append(objects, object)
		}
	}
	return objects, problems
}

// Create gives the verdict of an API server on a new Gslb or ZoneDelegation, k8gb's too, and fills
// in its defaults in place.
func (v *Validator) Create(ctx context.Context, obj *unstructured.Unstructured) field.ErrorList {
	r, errs := v.prepare(obj)
	if len(errs) > 0 {
		return errs
	}
	return r.create(ctx, obj)
}

// Update gives the verdict on a Gslb or ZoneDelegation that replaces old, which is as
// the server holds it, and fills in its defaults in place. As in a server, problems
// that old has already in fields that stay the same are tolerated.
func (v *Validator) Update(ctx context.Context, obj, old *unstructured.Unstructured) field.ErrorList {
	r, errs := v.prepare(obj)
	if len(errs) > 0 {
		return errs
	}
	held := old.DeepCopy()
	if _, errs = v.prepare(held); len(errs) > 0 {
		return errs
	}
	return r.update(ctx, obj, held)
}

func (v *Validator) prepare(obj *unstructured.Unstructured) (*resource, field.ErrorList) {
	r, known := v.resources[obj.GroupVersionKind()]
	if !known {
		return nil, field.ErrorList{field.Invalid(field.NewPath("kind"), obj.GetKind(), unknownKind(obj.GroupVersionKind()))}
	}
	unknown, err := r.prepare(obj.Object)
	if err != nil {
		return nil, field.ErrorList{field.Invalid(field.NewPath("metadata"), "", err.Error())}
	}
	var errs field.ErrorList
	for _, path := range unknown {
		errs = append(errs, field.Forbidden(pathOf(path), unknownField(path)))
	}
	return r, errs
}

func describe(kind, namespace, name string) string {
	if namespace != "" {
		name = namespace + "/" + name
	}
	return kind + " " + name
}
