// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcscrds "sigs.k8s.io/mcs-api/config/crd"
	"sigs.k8s.io/yaml"
)

// moduleFile gives the path of a file of a Go module that ours requires.
func moduleFile(t testing.TB, module string, path ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	require.NoError(t, err)
	return filepath.Join(append([]string{strings.TrimSpace(string(out))}, path...)...)
}

// gatewayAPI are the definitions of the Gateway API's experimental channel, which serves
// every version there is.
func gatewayAPI(t testing.TB, plurals ...string) []*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	dir := moduleFile(t, "sigs.k8s.io/gateway-api", "config", "crd", "experimental")
	var all []*apiextensionsv1.CustomResourceDefinition
	for _, plural := range plurals {
		data, err := os.ReadFile(filepath.Join(dir, "gateway.networking.k8s.io_"+plural+".yaml"))
		require.NoError(t, err)
		all = append(all, parsed(t, data)...)
	}
	return all
}

// istioAPI are two definitions of Istio.
func istioAPI(t testing.TB) []*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	data, err := os.ReadFile(moduleFile(t, "istio.io/api", "kubernetes", "customresourcedefinitions.gen.yaml"))
	require.NoError(t, err)
	var some []*apiextensionsv1.CustomResourceDefinition
	for _, crd := range parsed(t, data) {
		if crd.Name == "virtualservices.networking.istio.io" || crd.Name == "gateways.networking.istio.io" {
			some = append(some, crd)
		}
	}
	require.Len(t, some, 2)
	return some
}

func serviceImports(t testing.TB) []*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	return parsed(t, mcscrds.ServiceImportCRD)
}

// customKind is a definition of others that need not be whole: whatever is written is kept.
func customKind(group, kind, plural string, versions ...string) *apiextensionsv1.CustomResourceDefinition {
	crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: plural + "." + group}}
	crd.Spec.Group, crd.Spec.Scope = group, apiextensionsv1.NamespaceScoped
	crd.Spec.Names = apiextensionsv1.CustomResourceDefinitionNames{Kind: kind, ListKind: kind + "List", Plural: plural, Singular: strings.ToLower(kind)}
	any := true
	for i, v := range versions {
		crd.Spec.Versions = append(crd.Spec.Versions, apiextensionsv1.CustomResourceDefinitionVersion{
			Name: v, Served: true, Storage: i == 0,
			Schema:       &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &any}},
			Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
		})
	}
	return crd
}

// trafficSplits is the definition of TrafficSplits of the SMI.
func trafficSplits(versions ...string) *apiextensionsv1.CustomResourceDefinition {
	return customKind("split.smi-spec.io", "TrafficSplit", "trafficsplits", versions...)
}

func parsed(t testing.TB, data []byte) []*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	var all []*apiextensionsv1.CustomResourceDefinition
	for doc := range bytes.SplitSeq(data, []byte("\n---\n")) {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		require.NoError(t, yaml.Unmarshal(doc, crd))
		if crd.Kind == "CustomResourceDefinition" {
			all = append(all, crd)
		}
	}
	return all
}

// definitionsClient is a client for definitions.
func definitionsClient(t testing.TB) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, apiextensionsv1.AddToScheme(scheme))
	c, err := client.New(server, client.Options{Scheme: scheme})
	require.NoError(t, err)
	return c
}

// install makes definitions, waits until they are served, and takes them away after the
// test.
func install(t testing.TB, crds []*apiextensionsv1.CustomResourceDefinition) {
	t.Helper()
	api := definitionsClient(t)
	for _, crd := range crds {
		require.NoError(t, api.Create(t.Context(), crd.DeepCopy()))
	}
	t.Cleanup(func() { uninstall(t, crds) })
	for _, crd := range crds {
		eventually(t, func() error {
			have := &apiextensionsv1.CustomResourceDefinition{}
			if err := api.Get(t.Context(), client.ObjectKeyFromObject(crd), have); err != nil {
				return err
			}
			for _, c := range have.Status.Conditions {
				if c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue {
					return nil
				}
			}
			return notYet("%s is not established", crd.Name)
		})
	}
}

// uninstall removes definitions with all their objects, and returns when they are gone.
func uninstall(t testing.TB, crds []*apiextensionsv1.CustomResourceDefinition) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	api := definitionsClient(t)
	for _, crd := range crds {
		require.NoError(t, client.IgnoreNotFound(api.Delete(ctx, &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: crd.Name}})))
	}
	for _, crd := range crds {
		eventually(t, func() error {
			err := api.Get(ctx, client.ObjectKeyFromObject(crd), &apiextensionsv1.CustomResourceDefinition{})
			if apierrors.IsNotFound(err) {
				return nil
			}
			return notYet("%s is still there (%v)", crd.Name, err)
		})
	}
}

// applyAll makes objects of a manifest, with $NS for the namespace; a status is written too.
func applyAll(t testing.TB, api client.Client, ns, manifest string) {
	t.Helper()
	for doc := range strings.SplitSeq(strings.ReplaceAll(manifest, "$NS", ns), "\n---\n") {
		obj := &unstructured.Unstructured{}
		require.NoError(t, yaml.Unmarshal([]byte(doc), &obj.Object), doc)
		status := obj.Object["status"]
		eventually(t, func() error { // a definition that was just made is not served by all at once
			err := api.Create(t.Context(), obj.DeepCopy())
			return client.IgnoreAlreadyExists(err)
		})
		if status != nil {
			writeStatus(t, api, obj, status)
		}
	}
}

// writeStatus writes the status of an object as its controller does.
func writeStatus(t testing.TB, api client.Client, obj *unstructured.Unstructured, status any) {
	t.Helper()
	eventually(t, func() error {
		have := &unstructured.Unstructured{}
		have.SetGroupVersionKind(obj.GroupVersionKind())
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(obj), have); err != nil {
			return err
		}
		have.Object["status"] = status
		return api.Status().Update(t.Context(), have)
	})
}

// named is an object to write to.
func named(version schema.GroupVersion, kind, ns, name string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{}
	obj.SetGroupVersionKind(version.WithKind(kind))
	obj.SetNamespace(ns)
	obj.SetName(name)
	return obj
}
