// SPDX-License-Identifier: Apache-2.0

package files

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meridian-gslb/meridian/api/k8gb"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/api/validate"
	"github.com/meridian-gslb/meridian/controllers/refs"
)

// key names an object. With an empty name it stands for every object of the kind in
// the namespace.
type key struct{ kind, namespace, name string }

// String names the object as conditions and the log do.
func (k key) String() string {
	if k.namespace == "" {
		return k.kind + " " + k.name
	}
	return k.kind + " " + k.namespace + "/" + k.name
}

// held is an object that counts.
type held struct {
	key   key
	file  string // path
	line  int
	value runtime.Object
}

// claim is an object that a file holds; the first claim to a key counts.
type claim struct {
	held
	name  string // of the file in its folder, which orders files
	index int    // in the file
	gone  bool   // the file is missing and not yet forgotten
}

// inventory holds the objects of all files. It is not safe for concurrent use.
type inventory struct {
	claims  map[key][]claim
	objects map[key]*held
	places  map[key]map[key]struct{} // by kind and namespace
	files   map[string][]key         // what each file claims
	ignored map[string][]Problem     // by file: kinds that look like ours and are not read
	k8gb    bool                     // k8gb's kinds are read too
}

func newInventory(k8gb bool) *inventory {
	return &inventory{
		k8gb:   k8gb,
		claims: make(map[key][]claim), objects: make(map[key]*held), places: make(map[key]map[key]struct{}),
		files: make(map[string][]key), ignored: make(map[string][]Problem),
	}
}

// set replaces what a file holds, and gives the keys whose object changed, with the
// objects that they had before (nil: none).
func (v *inventory) set(name string, objects []validate.Object, gone bool) map[key]*held {
	touched := make(map[key]struct{})
	for _, k := range v.files[name] {
		v.claims[k] = slices.DeleteFunc(v.claims[k], func(c claim) bool { return c.name == name })
		touched[k] = struct{}{}
	}
	delete(v.files, name)
	delete(v.ignored, name)
	for i, o := range objects {
		if o.Value == nil || !v.k8gb && k8gb.IsGroup(o.Kind.Group) {
			v.ignore(name, o)
			continue
		}
		k := key{wordOf(o.Kind.GroupKind()), o.Namespace, o.Name}
		v.claims[k] = append(v.claims[k], claim{held{k, o.File, o.Line, o.Value}, name, i, gone})
		v.files[name] = append(v.files[name], k)
		touched[k] = struct{}{}
	}
	before := make(map[key]*held)
	for k := range touched {
		if old, changed := v.choose(k); changed {
			before[k] = old
		}
	}
	return before
}

// wordOf names a kind; two kinds of one name in different groups have different words.
func wordOf(kind schema.GroupKind) string {
	switch {
	case refs.Row(kind) != nil:
		return refs.Word(kind)
	case k8gb.IsGroup(kind.Group):
		return kind.String()
	}
	return kind.Kind
}

// choose makes the first claim count: of a file that is there, by file name and place
// in the file.
func (v *inventory) choose(k key) (old *held, changed bool) {
	old = v.objects[k]
	all := v.claims[k]
	if len(all) == 0 {
		delete(v.claims, k)
		delete(v.objects, k)
		delete(v.places[key{k.kind, k.namespace, ""}], k)
		return old, old != nil
	}
	slices.SortFunc(all, func(a, b claim) int {
		return cmp.Or(cmp.Compare(truth(a.gone), truth(b.gone)), cmp.Compare(a.name, b.name), cmp.Compare(a.index, b.index))
	})
	next := all[0].held
	if old != nil && equality.Semantic.DeepEqual(old.value, next.value) {
		next.value = old.value
		v.objects[k] = &next
		return old, false
	}
	v.objects[k] = &next
	place := key{k.kind, k.namespace, ""}
	if v.places[place] == nil {
		v.places[place] = make(map[key]struct{})
	}
	v.places[place][k] = struct{}{}
	return old, true
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ignore says of kinds that an operator may expect to work that they are not read.
// Others, a Deployment beside its Gslb, are nobody's mistake.
func (v *inventory) ignore(name string, o validate.Object) {
	if o.Kind.Kind != "Gslb" && o.Kind.Kind != "ZoneDelegation" {
		return
	}
	why := "use " + gslbv1beta1.GroupVersion.String()
	if k8gb.IsGroup(o.Kind.Group) {
		why += ", or let --k8gb-compat be on"
	}
	v.ignored[name] = append(v.ignored[name], Problem{Severity: Warning, Problem: validate.Problem{
		File: o.File, Line: o.Line, Object: o.String(), Path: "apiVersion",
		Message: fmt.Sprintf("a %s of %s is not read from files, and is ignored: %s", o.Kind.Kind, o.Kind.GroupVersion(), why),
	}})
}

// problems lists the objects that are there twice, and those that are ignored.
func (v *inventory) problems() []Problem {
	var all []Problem
	for _, ignored := range v.ignored {
		all = append(all, ignored...)
	}
	for k, claims := range v.claims {
		for i := 1; i < len(claims); i++ {
			if c := &claims[i]; !c.gone {
				all = append(all, c.at(Error, "", fmt.Sprintf("%s is defined already in %s:%d, which counts; this one is ignored", k, claims[0].file, claims[0].line)))
			}
		}
	}
	return all
}

// in lists the objects of a kind in a namespace, by name.
func (v *inventory) in(kind, namespace string) []*held {
	var all []*held
	for k := range v.places[key{kind, namespace, ""}] {
		all = append(all, v.objects[k])
	}
	slices.SortFunc(all, func(a, b *held) int { return cmp.Compare(a.key.name, b.key.name) })
	return all
}

// placesOf lists where there are objects of a kind, or were.
func (v *inventory) placesOf(kind string) []key {
	var all []key
	for place := range v.places {
		if place.kind == kind {
			all = append(all, place)
		}
	}
	return all
}

// valueOf gives an object as its type; the zero value, nil, where there is none.
func valueOf[T runtime.Object](v *inventory, k key) (value T) {
	if h := v.objects[k]; h != nil {
		value, _ = h.value.(T)
	}
	return value
}
