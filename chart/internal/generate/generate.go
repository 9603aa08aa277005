// SPDX-License-Identifier: Apache-2.0

// Package generate makes every generated file of the chart's module from its source:
// copies of the CRDs, tables of values, the kustomize base. It is called by the program
// gen, which writes them, and by the tests, which compare.
package generate

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/meridian-gslb/meridian/chart/internal/helm"
	"github.com/meridian-gslb/meridian/chart/internal/valuesdoc"
)

// Files gives the generated files by their path in the module.
func Files() (map[string]string, error) {
	files := make(map[string]string)
	for _, add := range []func(map[string]string) error{kinds, readme, kustomizeBase} {
		if err := add(files); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Write writes files that Files gave.
func Write(files map[string]string) error {
	for path, content := range files {
		path = filepath.Join(helm.Dir(), path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil { //nolint:gosec // these are sources, for everybody to read
			return err
		}
	}
	return nil
}

// kinds copies the CRDs into the chart: Helm reads nothing outside it.
func kinds(files map[string]string) error {
	for from, to := range map[string]string{"v1beta1": "crds", "k8gb": "crds-k8gb"} {
		paths, err := filepath.Glob(filepath.Join(helm.Dir(), "..", "api", from, "crds", "*.yaml"))
		if err != nil {
			return err
		}
		if len(paths) == 0 {
			return fmt.Errorf("no CRDs of %s beside %s", from, helm.Dir())
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files[filepath.Join("meridian", "files", to, filepath.Base(path))] = string(content)
		}
	}
	return nil
}

// readme puts the tables of values into the chart's page.
func readme(files map[string]string) error {
	const page = "meridian/README.md"
	content, err := os.ReadFile(filepath.Join(helm.Dir(), page))
	if err != nil {
		return err
	}
	text := string(content)
	for name, path := range map[string]string{"values": "meridian/values.yaml", "externaldns": "meridian/charts/externaldns/values.yaml"} {
		source, err := os.ReadFile(filepath.Join(helm.Dir(), path))
		if err != nil {
			return err
		}
		all, err := valuesdoc.Entries(source)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if name == "externaldns" {
			for i := range all {
				all[i].Key = "externaldns." + all[i].Key
			}
		}
		if text, err = valuesdoc.Replace(text, name, valuesdoc.Table(all)); err != nil {
			return fmt.Errorf("%s: %w", page, err)
		}
	}
	files[page] = text
	return nil
}
