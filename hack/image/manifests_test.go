// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/meridian-gslb/meridian/hack/image/internal/container"
)

// What the tests read of a manifest of the playground.
type (
	object struct {
		Kind     string
		Metadata struct{ Name string }
		Data     map[string]string
		Spec     podSpec // of a Pod
	}
	podSpec struct {
		SecurityContext struct {
			RunAsUser  int `yaml:"runAsUser"`
			RunAsGroup int `yaml:"runAsGroup"`
		} `yaml:"securityContext"`
		InitContainers []podContainer `yaml:"initContainers"`
		Containers     []podContainer
		Volumes        []volume
		Template       struct{ Spec *podSpec } // of a Deployment
	}
	podContainer struct {
		Image           string
		Command, Args   []string
		SecurityContext struct {
			ReadOnlyRoot bool `yaml:"readOnlyRootFilesystem"`
			Capabilities struct{ Drop []string }
		} `yaml:"securityContext"`
		VolumeMounts []struct {
			Name      string
			MountPath string `yaml:"mountPath"`
			ReadOnly  bool   `yaml:"readOnly"`
		} `yaml:"volumeMounts"`
	}
	volume struct {
		Name      string
		ConfigMap *struct{ Name string } `yaml:"configMap"`
		EmptyDir  *struct{}              `yaml:"emptyDir"`
		Projected struct {
			Sources []struct {
				ConfigMap *keys `yaml:"configMap"`
				Secret    *keys
			}
		}
	}
)

// keys are those of a ConfigMap or Secret that a volume shows.
type keys struct {
	Name  string
	Items []struct{ Key, Path string }
}

// A pod is one of the playground's manifests with folders for its volumes.
type pod struct {
	spec    podSpec
	folders map[string]string // volume → folder of the host
}

// podOf reads the first Pod or Deployment of a manifest, and makes its volumes:
// of the ConfigMaps beside it, and of secrets that are handed in.
func podOf(t *testing.T, file string, secrets map[string]string) pod {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(source, "k3d", file))
	require.NoError(t, err)
	p := pod{folders: map[string]string{}}
	configs := map[string]map[string]string{}
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var o object
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err, file)
		switch o.Kind {
		case "ConfigMap":
			configs[o.Metadata.Name] = o.Data
		case "Pod":
			p.spec = o.Spec
		case "Deployment":
			p.spec = *o.Spec.Template.Spec
		}
	}
	require.NotEmpty(t, p.spec.Containers, "%s has a Pod or a Deployment", file)
	for _, v := range p.spec.Volumes {
		p.folders[v.Name] = p.make(t, v, configs, secrets)
	}
	return p
}

// make makes the folder of one volume, as kubelet would with an fsGroup.
func (p pod) make(t *testing.T, v volume, configs map[string]map[string]string, secrets map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) {
		at := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.WriteFile(at, []byte(text), 0o644))
	}
	if v.ConfigMap != nil {
		for name, text := range configs[v.ConfigMap.Name] {
			put(name, text)
		}
	}
	for _, s := range v.Projected.Sources {
		if s.ConfigMap != nil {
			for _, i := range s.ConfigMap.Items {
				require.Contains(t, configs[s.ConfigMap.Name], i.Key)
				put(i.Path, configs[s.ConfigMap.Name][i.Key])
			}
		}
		if s.Secret != nil {
			for _, i := range s.Secret.Items {
				require.Contains(t, secrets, i.Key, "the test hands it in")
				put(i.Path, secrets[i.Key])
			}
		}
	}
	if v.EmptyDir != nil {
		require.NoError(t, os.Chown(dir, 0, p.spec.SecurityContext.RunAsGroup))
		require.NoError(t, os.Chmod(dir, 0o2775))
	}
	return dir
}

// options says how kubelet would run one container of the Pod.
func (p pod) options(c podContainer) container.Options {
	o := container.Options{
		Command: c.Command, Args: c.Args, ReadOnlyRoot: c.SecurityContext.ReadOnlyRoot,
		Mounts: map[string]string{}, Writable: map[string]string{},
		User: fmt.Sprintf("%d:%d", p.spec.SecurityContext.RunAsUser, p.spec.SecurityContext.RunAsGroup),
	}
	if len(c.SecurityContext.Capabilities.Drop) == 0 {
		o.Capabilities, o.Privileges = container.PodCapabilities(), true
	}
	for _, m := range c.VolumeMounts {
		if m.ReadOnly {
			o.Mounts[m.MountPath] = p.folders[m.Name]
		} else {
			o.Writable[m.MountPath] = p.folders[m.Name]
		}
	}
	return o
}

func itoa(n int) string { return strconv.Itoa(n) }
