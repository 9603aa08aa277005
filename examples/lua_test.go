// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	lua "github.com/yuin/gopher-lua"
)

// call runs a function of the ResourceInterpreterCustomization as Karmada does: with
// Lua's base, table, string and math libraries alone, and without what its sandbox
// forbids.
func call(t *testing.T, operation, function string, args ...any) any {
	t.Helper()
	var customization interpreter
	decode(t, "karmada-istio/interpreter.yaml", &customization)
	script := customization.Spec.Customizations[operation].LuaScript
	require.NotEmpty(t, script, operation)

	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	l.SetContext(t.Context())
	for name, open := range map[string]lua.LGFunction{
		lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable, lua.StringLibName: lua.OpenString, lua.MathLibName: lua.OpenMath,
	} {
		require.NoError(t, l.CallByParam(lua.P{Fn: l.NewFunction(open), Protect: true}, lua.LString(name)))
	}
	for _, forbidden := range []string{"dofile", "getfenv", "getmetatable", "load", "loadfile", "loadstring", "rawget", "rawset", "setfenv", "setmetatable", "print"} {
		l.SetGlobal(forbidden, lua.LNil)
	}
	require.NoError(t, l.DoString(script), operation)
	values := make([]lua.LValue, len(args))
	for i, a := range args {
		values[i] = toLua(l, a)
	}
	require.NoError(t, l.CallByParam(lua.P{Fn: l.GetGlobal(function), NRet: 1, Protect: true}, values...), operation)
	return fromLua(t, l.Get(-1))
}

func toLua(l *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case nil:
		return lua.LNil
	case empty:
		return l.NewTable()
	case bool:
		return lua.LBool(v)
	case string:
		return lua.LString(v)
	case int:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	case []any:
		table := l.NewTable()
		for _, e := range v {
			table.Append(toLua(l, e))
		}
		return table
	case object:
		table := l.NewTable()
		for _, k := range slices.Sorted(maps.Keys(v)) {
			table.RawSetString(k, toLua(l, v[k]))
		}
		return table
	}
	panic(value)
}

// empty is an empty table, of which Karmada cannot tell whether it is a list or a map.
type empty struct{}

func fromLua(t *testing.T, value lua.LValue) any {
	t.Helper()
	switch v := value.(type) {
	case lua.LBool:
		return bool(v)
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return float64(v)
	case *lua.LTable:
		if v.Len() > 0 {
			var list []any
			v.ForEach(func(k, e lua.LValue) {
				require.Equal(t, lua.LTNumber, k.Type(), "a list has no names")
				list = append(list, fromLua(t, e))
			})
			return list
		}
		table := make(object)
		v.ForEach(func(k, e lua.LValue) { table[k.String()] = fromLua(t, e) })
		if len(table) == 0 {
			return empty{}
		}
		return table
	}
	require.Equal(t, lua.LNil, value)
	return nil
}

// template is the Gslb as Karmada's API server has it.
func template(t *testing.T) object {
	t.Helper()
	o := documents(t, "karmada-istio/gslb.yaml")[0]
	o["metadata"] = merge(o["metadata"].(object), object{"generation": 4})
	return o
}

const host = "podinfo.cloud.example.com"

// member is the status of the Gslb in a member, and the object that has it. Every member
// knows what all of them answer.
func member(t *testing.T, tag, own, health string, records ...any) object {
	t.Helper()
	serving, reason := "True", "Serving"
	if len(records) == 0 {
		serving, reason = "False", "AllUnhealthy"
	}
	condition := func(kind, status, reason string) object {
		return object{"type": kind, "status": status, "reason": reason, "message": "by " + tag, "lastTransitionTime": "2026-11-01T09:00:00Z", "observedGeneration": 7}
	}
	o := template(t)
	o["metadata"] = merge(o["metadata"].(object), object{"generation": 7, "annotations": object{"resourcetemplate.karmada.io/generation": "4"}})
	o["status"] = object{
		"observedGeneration": 7, "geoTag": tag, "hosts": host, "healthyClusters": "member1, member2",
		"serviceHealth": object{host: health}, "healthyRecords": object{host: records},
		"loadBalancer": object{"exposedIps": []any{own}},
		"answers":      []any{object{"host": host, "type": "A"}},
		"conditions":   []any{condition("Accepted", "True", "Accepted"), condition("Serving", serving, reason)},
	}
	return o
}

// aggregate is what Karmada does with the objects of the members.
func aggregate(t *testing.T, members ...object) object {
	t.Helper()
	items := make([]any, len(members))
	for i, m := range members {
		items[i] = object{"clusterName": text(m, "status", "geoTag"), "applied": true, "status": call(t, "statusReflection", "ReflectStatus", m)}
	}
	got, is := call(t, "statusAggregation", "AggregateStatus", template(t), items).(object)
	require.True(t, is)
	return got
}

// TestM2 is check M2: the status of the template from two members.
func TestM2(t *testing.T) {
	one := func() object { return member(t, "member1", "192.0.2.11", "Healthy", "192.0.2.11", "198.51.100.7") }
	for _, tt := range []struct {
		why             string
		members         []object
		clusters        []any
		health, healthy string
		records         any
		serves          bool
	}{
		{
			"two members that serve: each address once", []object{one(), member(t, "member2", "198.51.100.7", "Healthy", "198.51.100.7", "192.0.2.11")},
			[]any{"member1 Healthy 192.0.2.11", "member2 Healthy 198.51.100.7"}, "Healthy", "member1, member2", []any{"192.0.2.11", "198.51.100.7"}, true,
		},
		{
			"one of two is enough", []object{member(t, "member1", "192.0.2.11", "NotFound", "198.51.100.7"), member(t, "member2", "198.51.100.7", "Healthy", "198.51.100.7")},
			[]any{"member1 Unhealthy 192.0.2.11", "member2 Healthy 198.51.100.7"}, "Healthy", "member2", []any{"198.51.100.7"}, true,
		},
		{
			"none is healthy", []object{member(t, "member1", "192.0.2.11", "NotFound"), member(t, "member2", "198.51.100.7", "Unhealthy")},
			[]any{"member1 Unhealthy 192.0.2.11", "member2 Unhealthy 198.51.100.7"}, "Unhealthy", "", nil, false,
		},
	} {
		t.Run(tt.why, func(t *testing.T) {
			got := aggregate(t, tt.members...)
			var clusters []any
			for _, c := range at(got, "status", "clusters").([]any) {
				assert.Equal(t, host, text(c, "host"))
				clusters = append(clusters, text(c, "geoTag")+" "+text(c, "health")+" "+at(c, "addresses").([]any)[0].(string))
			}
			assert.Equal(t, tt.clusters, clusters)
			assert.Equal(t, tt.health, text(got, "status", "serviceHealth", host))
			assert.Equal(t, tt.healthy, text(got, "status", "healthyClusters"))
			assert.Equal(t, tt.records, at(got, "status", "healthyRecords", host))
			assert.Equal(t, tt.serves, call(t, "healthInterpretation", "InterpretHealth", got), "the template is judged as a member is")
			assert.Equal(t, template(t)["spec"], undone(got["spec"]), "the spec stays as it is")
			noEmpty(t, got)
			valid(t, got)
		})
	}
}

// TestAMemberThatIsBehindIsNotTheWhole: the template is observed when every member is.
func TestAMemberThatIsBehindIsNotTheWhole(t *testing.T) {
	fresh, late := member(t, "member1", "192.0.2.11", "Healthy", "192.0.2.11"), member(t, "member2", "198.51.100.7", "Healthy", "192.0.2.11")
	assert.InDelta(t, 4, at(aggregate(t, fresh, late), "status", "observedGeneration"), 0)
	late["metadata"].(object)["generation"] = 8
	assert.Nil(t, at(aggregate(t, fresh, late), "status", "observedGeneration"))
	late["metadata"].(object)["generation"] = 7
	late["metadata"].(object)["annotations"] = object{"resourcetemplate.karmada.io/generation": "3"}
	assert.Nil(t, at(aggregate(t, fresh, late), "status", "observedGeneration"), "it was sent an older template")
	delete(late, "status")
	late["metadata"].(object)["annotations"] = object{"resourcetemplate.karmada.io/generation": "4"}
	assert.Equal(t, object{"generation": 7.0, "resourceTemplateGeneration": 4.0}, call(t, "statusReflection", "ReflectStatus", late))
	assert.Nil(t, at(aggregate(t, fresh, late), "status", "observedGeneration"), "it has said nothing")
	delete(late, "metadata")
	assert.Equal(t, empty{}, call(t, "statusReflection", "ReflectStatus", late), "Karmada keeps an empty table as {}")
	assert.Nil(t, at(aggregate(t, fresh, late), "status", "observedGeneration"), "an empty status says nothing")
	assert.Equal(t, template(t), undone(call(t, "statusAggregation", "AggregateStatus", template(t), nil)), "nobody has said anything")
}

func TestHealthOfAMember(t *testing.T) {
	health := func(change func(o object)) any {
		o := member(t, "member1", "192.0.2.11", "Healthy", "192.0.2.11")
		change(o)
		return call(t, "healthInterpretation", "InterpretHealth", o)
	}
	assert.Equal(t, true, health(func(object) {}))
	assert.Equal(t, false, health(func(o object) { delete(o, "status") }))
	assert.Equal(t, false, health(func(o object) { o["metadata"].(object)["generation"] = 8 }), "the status speaks of another spec")
	assert.Equal(t, false, health(func(o object) { o["status"].(object)["conditions"] = []any{} }))
	assert.Equal(t, false, call(t, "healthInterpretation", "InterpretHealth", member(t, "member1", "192.0.2.11", "Unhealthy")))
}

func TestWhatMembersWriteStays(t *testing.T) {
	observed := template(t)
	observed["metadata"] = merge(observed["metadata"].(object), object{
		"finalizers": []any{"example.com/keep"}, "annotations": object{"gslb.meridian.dev/override": "drain", "other": "1"},
	})
	got := call(t, "retention", "Retain", template(t), observed)
	assert.Equal(t, []any{"example.com/keep"}, at(got, "metadata", "finalizers"))
	assert.Equal(t, object{"gslb.meridian.dev/override": "drain"}, at(got, "metadata", "annotations"), "no other annotation")
	forced := template(t)
	forced["metadata"].(object)["annotations"] = object{"gslb.meridian.dev/override": "force"}
	assert.Equal(t, "force", text(call(t, "retention", "Retain", forced, observed), "metadata", "annotations", "gslb.meridian.dev/override"), "the template wins")
	assert.Equal(t, template(t), undone(call(t, "retention", "Retain", template(t), template(t))))
}

func TestDependencies(t *testing.T) {
	need := func(apiVersion, kind, name string) object {
		return object{"apiVersion": apiVersion, "kind": kind, "namespace": "test", "name": name}
	}
	assert.Equal(t, []any{need("networking.istio.io/v1", "VirtualService", "podinfo")}, call(t, "dependencyInterpretation", "GetDependencies", template(t)))
	backend := func(name string) object { return object{"service": object{"name": name, "port": object{"number": 80}}} }
	embedded := template(t)
	embedded["spec"] = object{"ingress": object{
		"defaultBackend": backend("rest"), "tls": []any{object{"hosts": []any{host}, "secretName": "cert"}, object{"hosts": []any{host}}},
		"rules": []any{object{"host": host, "http": object{"paths": []any{object{"backend": backend("web")}, object{"backend": backend("web")}, object{"backend": backend("api")}}}}},
	}}
	assert.Equal(t, []any{need("v1", "Service", "rest"), need("v1", "Service", "web"), need("v1", "Service", "api"), need("v1", "Secret", "cert")},
		call(t, "dependencyInterpretation", "GetDependencies", embedded), "each once")
	elsewhere := template(t)
	elsewhere["spec"].(object)["resourceRef"].(object)["namespace"] = "other"
	assert.Equal(t, empty{}, call(t, "dependencyInterpretation", "GetDependencies", elsewhere), "what lies in another namespace is not ours to send")
}
