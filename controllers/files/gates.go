// SPDX-License-Identifier: Apache-2.0

package files

import (
	"cmp"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/api/validate"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// noObject is what is known of a readiness gate whose object is in no file: as on an API
// server, what does not exist is not True.
const noObject = "no file has the object; add it with that condition in its status"

// gateObject names an object that a readiness gate may name. An object without a namespace,
// of a kind that is not known, may be of cluster scope: it stands for those of every one.
type gateObject struct {
	kind            schema.GroupKind
	namespace, name string
}

// gates know the conditions of all objects of a folder, whatever their kinds, and which Gslb
// has them as readiness gates. They are not safe for concurrent use.
type gates struct {
	objects map[gateObject]map[string]gateClaim // by file
	files   map[string][]gateObject
	wanted  map[types.NamespacedName][]gateObject
	users   map[gateObject]map[types.NamespacedName]struct{}
}

// gateClaim is an object as one file has it; the first file that is there counts.
type gateClaim struct {
	conditions []any
	gone       bool
}

func newGates() gates {
	return gates{
		objects: make(map[gateObject]map[string]gateClaim), files: make(map[string][]gateObject),
		wanted: make(map[types.NamespacedName][]gateObject), users: make(map[gateObject]map[types.NamespacedName]struct{}),
	}
}

// set replaces what a file holds, and calls touch with the Gslbs to which that matters.
func (g *gates) set(name string, objects []validate.Object, gone bool, touch func(types.NamespacedName)) {
	before := make(map[gateObject]*gateClaim)
	note := func(o gateObject) {
		if _, noted := before[o]; !noted {
			before[o] = g.counts(o)
		}
	}
	for _, o := range g.files[name] {
		note(o)
		if delete(g.objects[o], name); len(g.objects[o]) == 0 {
			delete(g.objects, o)
		}
	}
	delete(g.files, name)
	for _, object := range objects {
		o := gateObject{object.Kind.GroupKind(), object.Namespace, object.Name}
		note(o)
		if g.objects[o] == nil {
			g.objects[o] = make(map[string]gateClaim)
		}
		if _, twice := g.objects[o][name]; twice {
			continue
		}
		conditions, _, _ := unstructured.NestedSlice(object.Status, "conditions")
		g.objects[o][name] = gateClaim{conditions, gone}
		g.files[name] = append(g.files[name], o)
	}
	for o, was := range before {
		if now := g.counts(o); (was == nil) == (now == nil) && (was == nil || reflect.DeepEqual(was.conditions, now.conditions)) {
			continue
		}
		for user := range g.users[o] {
			touch(user)
		}
	}
}

// counts gives the claim to an object that counts; nil: no file has it.
func (g *gates) counts(o gateObject) *gateClaim {
	var best *gateClaim
	var of string
	for file, c := range g.objects[o] {
		if best == nil || cmp.Or(cmp.Compare(truth(c.gone), truth(best.gone)), cmp.Compare(file, of)) < 0 {
			best, of = &c, file
		}
	}
	return best
}

// named gives the objects that a gate can mean, the likelier first.
func named(gate translate.Gate) []gateObject {
	kind := schema.FromAPIVersionAndKind(gate.APIVersion, gate.Kind).GroupKind()
	return []gateObject{{kind, gate.Namespace, gate.Name}, {kind, "", gate.Name}}
}

// want says which gates a Gslb has, instead of those before.
func (g *gates) want(user types.NamespacedName, all []translate.Gate) {
	for _, o := range g.wanted[user] {
		if delete(g.users[o], user); len(g.users[o]) == 0 {
			delete(g.users, o)
		}
	}
	delete(g.wanted, user)
	for _, gate := range all {
		for _, o := range named(gate) {
			if g.users[o] == nil {
				g.users[o] = make(map[types.NamespacedName]struct{})
			}
			g.users[o][user] = struct{}{}
			g.wanted[user] = append(g.wanted[user], o)
		}
	}
}

// state says how a gate stands.
func (g *gates) state(gate translate.Gate) translate.GateState {
	for _, o := range named(gate) {
		if c := g.counts(o); c != nil {
			return translate.GateStateOf(c.conditions, gate.Condition)
		}
	}
	return translate.GateState{Known: true, Why: noObject}
}

// gateProblems tells of readiness gates of a Gslb whose objects no file has.
func (m *model) gateProblems(stands *held, findings []translate.Finding) []Problem {
	var all []Problem
	for _, f := range findings {
		if strings.HasSuffix(f.Message, noObject) {
			all = append(all, placed(stands, Warning, f.Path, f.Message))
		}
	}
	return all
}
