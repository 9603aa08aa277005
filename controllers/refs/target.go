// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/gslb"
)

// Target is what an object means, in the same words for every kind.
type Target struct {
	Source      gslb.Source       // the object
	Annotations map[string]string // of the object; not to be changed
	Hosts       []Host            // in order of appearance, each name once
	Entries     []Entry           // where clients arrive, as the object's status says, in its order
}

// Host is a name that the object serves.
type Host struct {
	Name     string                 // as written there
	Path     string                 // of the field that names it first, such as "spec.rules[0].host"
	TLS      bool                   // clients use TLS
	URLPath  string                 // a path that is served, for HTTP; "" if none is known
	Services []types.NamespacedName // behind it, each once, in order of appearance
	Others   []string               // backends behind it that are no Services, in words
}

// Entry is an address where clients arrive, or the name of a load balancer.
type Entry struct {
	IP       string
	Hostname string
}

// Read says what an object means; false for kinds that are not in the table.
func Read(obj Object) (Target, bool) {
	for _, k := range kinds() {
		if k.is(obj) {
			return k.read(obj), true
		}
	}
	return Target{}, false
}

// Services gives the Services behind all hosts, each once, sorted.
func (t *Target) Services() []types.NamespacedName {
	var all []types.NamespacedName
	for i := range t.Hosts {
		for _, s := range t.Hosts[i].Services {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	slices.SortFunc(all, compareNames)
	return all
}

func compareNames(a, b types.NamespacedName) int {
	switch as, bs := a.String(), b.String(); {
	case as < bs:
		return -1
	case as > bs:
		return 1
	}
	return 0
}
