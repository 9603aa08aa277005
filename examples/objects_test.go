// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// object is an object as YAML decodes it.
type object = map[string]any

// documents decodes the objects of a file.
func documents(t *testing.T, file string) []object {
	t.Helper()
	var all []object
	for part := range strings.SplitSeq(read(t, file), "\n---\n") {
		var o object
		require.NoError(t, yaml.Unmarshal([]byte(part), &o), file)
		if o != nil {
			all = append(all, o)
		}
	}
	return all
}

// at walks into an object; nil where the way ends.
func at(o any, path ...string) any {
	for _, p := range path {
		m, ok := o.(object)
		if !ok {
			return nil
		}
		o = m[p]
	}
	return o
}

func text(o any, path ...string) string {
	s, _ := at(o, path...).(string)
	return s
}

// key names an object: kind, namespace and name.
func key(o object) string {
	return text(o, "kind") + " " + text(o, "metadata", "namespace") + "/" + text(o, "metadata", "name")
}

// merge lays one object over another of the same name: maps are merged, all else is
// replaced.
func merge(base, over object) object {
	merged := maps.Clone(base)
	for k, v := range over {
		below, is := merged[k].(object)
		above, too := v.(object)
		if is && too {
			v = merge(below, above)
		}
		merged[k] = v
	}
	return merged
}

// gather lays objects over each other, in their order.
func gather(objects []object) []object {
	var all []object
	places := make(map[string]int)
	for _, o := range objects {
		i, have := places[key(o)]
		if !have {
			places[key(o)] = len(all)
			all = append(all, o)
			continue
		}
		all[i] = merge(all[i], o)
	}
	return all
}

// edit is what happens in one cluster.
type edit func(all []object) []object

// noPods makes every endpoint of a Service not ready that stands on a node for which on
// says true; nil: on any.
func noPods(service string, on func(node string) bool) edit {
	return func(all []object) []object {
		for _, o := range all {
			if text(o, "kind") != "EndpointSlice" || text(o, "metadata", "labels", "kubernetes.io/service-name") != service {
				continue
			}
			list, _ := o["endpoints"].([]any)
			for _, e := range list {
				endpoint, _ := e.(object)
				if on == nil || on(text(endpoint, "nodeName")) {
					endpoint["conditions"] = object{"ready": false}
				}
			}
		}
		return all
	}
}

// without takes an object away.
func without(name string) edit {
	return func(all []object) []object {
		var left []object
		for _, o := range all {
			if key(o) != name {
				left = append(left, o)
			}
		}
		return left
	}
}

// with lays a manifest over what is there.
func with(t *testing.T, manifest string) edit {
	t.Helper()
	var o object
	require.NoError(t, yaml.Unmarshal([]byte(manifest), &o))
	return func(all []object) []object { return gather(append(all, o)) }
}

func decode(t *testing.T, file string, into any) {
	t.Helper()
	require.NoError(t, yaml.UnmarshalStrict([]byte(read(t, file)), into), file)
}
