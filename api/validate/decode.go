// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// located is the content of one object and where it stands.
type located struct {
	place
	content map[string]any
}

// decode turns the document into plain values as a client of an API server does,
// but refuses keys that occur twice.
func (d document) decode(file string) (map[string]any, *Problem) {
	bytes, err := yaml.YAMLToJSONStrict(d.text)
	if err != nil {
		problem := d.syntaxProblem(file, err)
		return nil, &problem
	}
	var value any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(bytes, &value); err != nil {
		problem := d.syntaxProblem(file, err)
		return nil, &problem
	}
	content, isMap := value.(map[string]any)
	if !isMap {
		return nil, &Problem{File: file, Line: d.line, Message: "not an object: apiVersion and kind must be set"}
	}
	return content, nil
}

// expand returns the items of a v1 List, and anything else as it is.
func expand(content map[string]any, where place) []located {
	items, isList := content["items"].([]any)
	if !isList || content["kind"] != "List" || content["apiVersion"] != "v1" {
		return []located{{place: where, content: content}}
	}
	var all []located
	for i, item := range items {
		found := located{place: where}
		found.content, _ = item.(map[string]any) // an item that is none has no kind, which is said of it
		found.node = nodeAt(where.node, i)
		if found.node == nil {
			found.line = where.find("items[" + strconv.Itoa(i) + "]")
		}
		all = append(all, found)
	}
	return all
}

// problem places a field error.
func (l located) problem(path, message string) Problem {
	u := unstructured.Unstructured{Object: l.content}
	problem := Problem{File: l.file, Line: l.find(path), Path: path, Message: message}
	if name := u.GetName(); name != "" {
		problem.Object = describe(u.GetKind(), u.GetNamespace(), name)
	}
	return problem
}

func (l located) problems(errs field.ErrorList) []Problem {
	var all []Problem
	for _, err := range errs {
		if err.Field == "<nil>" { // of the whole object, without a value
			all = append(all, l.problem("", err.Detail))
			continue
		}
		all = append(all, l.problem(err.Field, err.ErrorBody()))
	}
	return all
}

// object gives the verdict on one object.
func (v *Validator) object(ctx context.Context, l located) (Object, []Problem) {
	u := &unstructured.Unstructured{Object: l.content}
	kind := u.GroupVersionKind()
	if u.GetAPIVersion() == "" || u.GetKind() == "" {
		return Object{}, []Problem{l.problem("", "not an object: apiVersion and kind must be set")}
	}
	object := Object{File: l.file, Line: l.find(""), Kind: kind, Namespace: u.GetNamespace(), Name: u.GetName()}
	if status, is := l.content["status"].(map[string]any); is {
		object.Status = runtime.DeepCopyJSON(status) // that of our kinds is dropped below
	}
	var problems []Problem
	switch {
	case v.resources[kind] != nil:
		object.Value, problems = v.customObject(ctx, l, u)
	case v.others.Recognizes(kind):
		object.Value, problems = v.otherObject(l, u)
	case kind.Group == gslbv1beta1.Group || v.otherVersion(kind) != "":
		problems = []Problem{l.problem("apiVersion", v.noMatch(kind))}
	}
	if object.Value != nil && len(problems) == 0 {
		accessor, err := meta.Accessor(object.Value)
		if err != nil {
			return Object{}, []Problem{l.problem("metadata", err.Error())}
		}
		object.Namespace = accessor.GetNamespace()
	}
	return object, problems
}

func (v *Validator) customObject(ctx context.Context, l located, u *unstructured.Unstructured) (runtime.Object, []Problem) {
	r := v.resources[u.GroupVersionKind()]
	if problem := l.metadataProblem(); problem != nil {
		return nil, []Problem{*problem}
	}
	setNamespace(u, r.namespaced)
	unknown, err := r.prepare(u.Object)
	if err != nil {
		return nil, []Problem{l.problem("metadata", err.Error())}
	}
	var problems []Problem
	for _, path := range unknown {
		problems = append(problems, l.problem(path, unknownField(path)+r.suggestion(path)))
	}
	problems = append(problems, l.problems(r.create(ctx, u))...)
	if len(problems) > 0 {
		return nil, problems
	}
	typed, err := v.custom.New(u.GroupVersionKind())
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, typed)
	}
	if err != nil {
		return nil, []Problem{l.problem("", err.Error())}
	}
	return typed, nil
}

// otherObject decodes an object of a built-in kind.
func (v *Validator) otherObject(l located, u *unstructured.Unstructured) (runtime.Object, []Problem) {
	typed, err := v.others.New(u.GroupVersionKind())
	if err != nil {
		return nil, []Problem{l.problem("kind", err.Error())}
	}
	bytes, err := u.MarshalJSON()
	if err != nil {
		return nil, []Problem{l.problem("", err.Error())}
	}
	strict, err := kjson.UnmarshalStrict(bytes, typed)
	if err != nil {
		return nil, []Problem{l.problem(goField(err), err.Error())}
	}
	var problems []Problem
	for _, err := range strict {
		if partly(u.GroupVersionKind().GroupKind()) && strings.HasPrefix(err.Error(), "unknown field") {
			continue
		}
		problems = append(problems, l.problem(quoted(err), err.Error()))
	}
	accessor, err := meta.Accessor(typed)
	if err != nil {
		return nil, []Problem{l.problem("metadata", err.Error())}
	}
	if !namespaced(typed) {
		accessor.SetNamespace("")
	} else if accessor.GetNamespace() == "" {
		accessor.SetNamespace(defaultNamespace)
	}
	return typed, append(problems, l.problems(checkOther(typed, accessor))...)
}

// metadataProblem refuses metadata that is not a map: the libraries below take it
// for absent.
func (l located) metadataProblem() *Problem {
	metadata, found := l.content["metadata"]
	if _, isMap := metadata.(map[string]any); !found || isMap {
		return nil
	}
	problem := l.problem("metadata", fmt.Sprintf("Invalid value: %v: must be a map with the object's name", reflect.TypeOf(metadata)))
	return &problem
}

// defaultNamespace is where clients put an object that names no namespace.
const defaultNamespace = "default"

func setNamespace(u *unstructured.Unstructured, namespaced bool) {
	switch {
	case !namespaced:
		u.SetNamespace("") // as the server does
	case u.GetNamespace() == "":
		u.SetNamespace(defaultNamespace)
	}
}

// goField takes the path out of an error of encoding/json, which leaves list indices
// out: json: cannot unmarshal string into Go struct field Ingress.spec.rules of type …
func goField(err error) string {
	found := regexp.MustCompile(`Go struct field \w+\.(\S+) of type`).FindStringSubmatch(err.Error())
	if found == nil {
		return ""
	}
	return found[1]
}

// quoted takes the path out of unknown field "spec.foo" and duplicate field "spec.foo".
func quoted(err error) string {
	_, rest, _ := strings.Cut(err.Error(), `"`)
	path, _, _ := strings.Cut(rest, `"`)
	return path
}

func unknownField(path string) string { return fmt.Sprintf("unknown field %q", path) }

func unknownKind(kind schema.GroupVersionKind) string {
	return fmt.Sprintf("no matches for kind %q in version %q", kind.Kind, kind.GroupVersion())
}

// otherVersion returns the group and version in which a kind is read that was given
// in another one; "" if there is none.
func (v *Validator) otherVersion(kind schema.GroupVersionKind) string {
	for known := range v.resources {
		if known.Kind == kind.Kind && known.Group == kind.Group {
			return known.GroupVersion().String()
		}
	}
	for known := range v.others.AllKnownTypes() {
		sameGroup := known.Group == kind.Group || known.Kind == "Ingress" && kind.Group == "extensions"
		if known.Kind == kind.Kind && sameGroup {
			return known.GroupVersion().String()
		}
	}
	return ""
}

func (v *Validator) noMatch(kind schema.GroupVersionKind) string {
	if version := v.otherVersion(kind); version != "" {
		return unknownKind(kind) + ": use " + version
	}
	return unknownKind(kind) + ": the kinds of this group are Gslb and ZoneDelegation"
}
