// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/chart/internal/helm"
)

type object = unstructured.Unstructured

// parse gives the objects of a stream.
func parse(t *testing.T, stream string) []object {
	t.Helper()
	var all []object
	for doc := range strings.SplitSeq("\n"+stream, "\n---") {
		var o object
		require.NoError(t, yaml.Unmarshal([]byte(doc), &o.Object), doc)
		if len(o.Object) > 0 {
			all = append(all, o)
		}
	}
	return all
}

// render gives the objects of the release meridian in the namespace meridian.
func render(t *testing.T, values helm.Values) []object {
	t.Helper()
	rel, err := helm.Template("meridian", "meridian", values)
	require.NoError(t, err)
	return parse(t, helm.Manifest(rel))
}

// find gives the object of a kind and name.
func find(t *testing.T, all []object, kind, name string) *object {
	t.Helper()
	for _, o := range all {
		if o.GetKind() == kind && o.GetName() == name {
			return &o
		}
	}
	require.Fail(t, "no such object", "%s %s", kind, name)
	return nil
}

// has reports whether there is an object of a kind and name.
func has(all []object, kind, name string) bool {
	for _, o := range all {
		if o.GetKind() == kind && o.GetName() == name {
			return true
		}
	}
	return false
}

// as gives an object as its Go type.
func as[T any](t *testing.T, o *object) *T {
	t.Helper()
	typed := new(T)
	require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, typed, true))
	return typed
}
