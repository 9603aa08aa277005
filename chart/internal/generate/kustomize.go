// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/chart/internal/helm"
)

// base is where the kustomize base lies.
const base = "kustomize/base"

const generated = "# Generated from chart/meridian by make kustomize.\n"

// The name of the release in the base, and so of its objects and their namespace.
const name = "meridian"

// dropped labels say that Helm made an object, which is not so here.
var dropped = []string{"helm.sh/chart", "app.kubernetes.io/managed-by"}

// kustomizeBase writes what the chart renders, an object a file, without what only Helm
// understands. The configuration is left to a generator, whose ConfigMap has a hash in
// its name: an overlay replaces it, and Pods restart with it.
func kustomizeBase(files map[string]string) error {
	rel, err := helm.Template(name, name, helm.Values{
		"geoTag": "replace-me", "zone": "cloud.example.com", "edgeZone": "example.com",
		"edge": helm.Values{"servers": []any{"192.0.2.53"}},
		"crds": helm.Values{"keep": false},
	})
	if err != nil {
		return err
	}
	resources := []string{"namespace.yaml"}
	files[path.Join(base, "namespace.yaml")] = generated + "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: " + name + "\n"
	for doc := range strings.SplitSeq("\n"+rel.Manifest, "\n---") {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(doc), &object); err != nil {
			return err
		}
		switch object["kind"] {
		case nil:
			continue
		case "ConfigMap":
			data, _ := object["data"].(map[string]any)
			text, _ := data["meridian.yaml"].(string)
			files[path.Join(base, "meridian.yaml")] = "# Generated from chart/meridian by make kustomize; an overlay has its own.\n" + text
			continue
		}
		file := fileOf(object)
		if _, twice := files[path.Join(base, file)]; twice {
			return fmt.Errorf("two objects would be in %s", file)
		}
		clean(object)
		content, err := yaml.Marshal(object)
		if err != nil {
			return err
		}
		resources = append(resources, file)
		files[path.Join(base, file)] = generated + string(content)
	}
	slices.Sort(resources)
	files[path.Join(base, "kustomization.yaml")] = kustomization(resources)
	return nil
}

// fileOf names the file of an object: its kind, and its name if that says more.
func fileOf(object map[string]any) string {
	kind := strings.ToLower(fmt.Sprint(object["kind"]))
	meta, _ := object["metadata"].(map[string]any)
	switch own := fmt.Sprint(meta["name"]); {
	case kind == "customresourcedefinition":
		return "crd-" + own + ".yaml"
	case own != name:
		return kind + "-" + strings.TrimPrefix(own, name+"-") + ".yaml"
	}
	return kind + ".yaml"
}

// clean takes out what Helm alone needs: its labels, and the checksum, since a
// generated ConfigMap has a new name when it changes.
func clean(object map[string]any) {
	meta, _ := object["metadata"].(map[string]any)
	labels, _ := meta["labels"].(map[string]any)
	for _, label := range dropped {
		delete(labels, label)
	}
	spec, _ := object["spec"].(map[string]any)
	template, _ := spec["template"].(map[string]any)
	if meta, ok := template["metadata"].(map[string]any); ok {
		delete(meta, "annotations")
	}
}

func kustomization(resources []string) string {
	var b strings.Builder
	b.WriteString(generated + `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: ` + name + `
resources:
`)
	for _, r := range resources {
		b.WriteString("  - " + r + "\n")
	}
	b.WriteString(`configMapGenerator:
  - name: ` + name + `
    files:
      - meridian.yaml
`)
	return b.String()
}
