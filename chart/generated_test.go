// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/meridian-gslb/meridian/chart/internal/generate"
	"github.com/meridian-gslb/meridian/chart/internal/helm"
	"github.com/meridian-gslb/meridian/config"
)

// TestGeneratedFilesAreCurrent: copies of the CRDs, tables of values, kustomize base.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	files, err := generate.Files()
	require.NoError(t, err)
	for path, want := range files {
		got, err := os.ReadFile(path)
		require.NoError(t, err, "run: make chart-generate")
		assert.Equal(t, want, string(got), "%s: run: make chart-generate", path)
	}
	for _, folder := range []string{"kustomize/base", "meridian/files/crds"} {
		there, err := os.ReadDir(folder)
		require.NoError(t, err)
		for _, file := range there {
			assert.Contains(t, files, filepath.Join(folder, file.Name()), "nothing generates it")
		}
	}
}

// TestSchemaKnowsEveryValue: what values.yaml sets the schema describes, and wants to be there.
func TestSchemaKnowsEveryValue(t *testing.T) {
	for _, dir := range []string{"meridian", "meridian/charts/externaldns"} {
		var schema map[string]any
		raw, err := os.ReadFile(filepath.Join(dir, "values.schema.json"))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, &schema))
		values, err := helm.ReadValues(filepath.Join(dir, "values.yaml"))
		require.NoError(t, err)
		described(t, dir, schema, values)
	}
}

func described(t *testing.T, at string, schema map[string]any, values helm.Values) {
	t.Helper()
	properties, strict := schema["properties"].(map[string]any)
	if !strict {
		return // free: Kubernetes judges it
	}
	assert.Equal(t, false, schema["additionalProperties"], at)
	required, _ := schema["required"].([]any)
	for key, value := range values {
		property, ok := properties[key].(map[string]any)
		if !assert.True(t, ok, "%s.%s is not in the schema", at, key) {
			continue
		}
		if value != nil && at != "meridian.resources" && at != "meridian/charts/externaldns.resources" {
			assert.Contains(t, required, key, at)
		}
		if below, ok := value.(helm.Values); ok {
			described(t, at+"."+key, property, below)
		}
	}
}

func kustomize(t *testing.T, dir string) []object {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	require.NoError(t, err)
	stream, err := resources.AsYaml()
	require.NoError(t, err)
	return parse(t, string(stream))
}

// TestKustomizeBaseBuilds, with the Pods of the chart, and mounts the generated ConfigMap.
func TestKustomizeBaseBuilds(t *testing.T) {
	all := kustomize(t, "kustomize/base")
	assert.True(t, has(all, "Namespace", "meridian"))
	chart := render(t, helm.Values{"geoTag": "replace-me", "edge": helm.Values{"servers": []any{"192.0.2.53"}}})
	want, got := pod(t, chart).Spec, pod(t, all).Spec
	assert.Regexp(t, `^meridian-[a-z0-9]{10}$`, got.Volumes[0].Projected.Sources[0].ConfigMap.Name)
	got.Volumes[0].Projected.Sources[0].ConfigMap.Name = "meridian"
	assert.Equal(t, want, got)
	for _, o := range all {
		assert.NotContains(t, o.GetLabels(), "helm.sh/chart")
		assert.NotContains(t, o.GetAnnotations(), "helm.sh/resource-policy")
		assert.NotEqual(t, "meridian-test", o.GetName(), "hooks are Helm's")
	}
}

// TestKustomizeExample builds an overlay as people write it, and reads its configuration.
func TestKustomizeExample(t *testing.T) {
	all := kustomize(t, "kustomize/example")
	sources := pod(t, all).Spec.Volumes[0].Projected.Sources
	data := as[corev1.ConfigMap](t, find(t, all, "ConfigMap", sources[0].ConfigMap.Name)).Data["meridian.yaml"]
	assert.Contains(t, data, "geo-tag: eu")
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "keys"), 0o700))
	for _, source := range sources[1:] {
		secret := find(t, all, "Secret", source.Secret.Name)
		value := as[corev1.Secret](t, secret).Data["secret"]
		require.NoError(t, os.WriteFile(filepath.Join(dir, source.Secret.Items[0].Path), value, 0o600))
	}
	file := filepath.Join(dir, "meridian.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(data, "/etc/meridian/", dir+"/")), 0o600))
	cfg := config.Default()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	cfg.Bind(fs)
	require.NoError(t, config.Load(fs, file, func(string) (string, bool) { return "", false }))
	_, err := cfg.Settings()
	require.NoError(t, err)
}
