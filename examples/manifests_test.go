// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/api/validate"
)

// Kinds of neighbours, as far as the examples use them; any other field is a mistake here.
type (
	header struct {
		APIVersion string         `json:"apiVersion"`
		Kind       string         `json:"kind"`
		Metadata   map[string]any `json:"metadata"`
	}
	selector struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Namespace  string `json:"namespace"`
		Name       string `json:"name"`
	}
	affinity struct {
		ClusterNames []string `json:"clusterNames"`
	}
	propagation struct {
		header
		Spec struct {
			ResourceSelectors []selector `json:"resourceSelectors"`
			Placement         struct {
				ClusterAffinity   affinity `json:"clusterAffinity"`
				ReplicaScheduling struct {
					ReplicaSchedulingType     string `json:"replicaSchedulingType"`
					ReplicaDivisionPreference string `json:"replicaDivisionPreference"`
					WeightPreference          struct {
						StaticWeightList []struct {
							TargetCluster affinity `json:"targetCluster"`
							Weight        int64    `json:"weight"`
						} `json:"staticWeightList"`
					} `json:"weightPreference"`
				} `json:"replicaScheduling"`
			} `json:"placement"`
		} `json:"spec"`
	}
	overriding struct {
		header
		Spec struct {
			ResourceSelectors []selector `json:"resourceSelectors"`
			OverrideRules     []struct {
				TargetCluster affinity `json:"targetCluster"`
				Overriders    struct {
					Plaintext []struct {
						Path     string `json:"path"`
						Operator string `json:"operator"`
						Value    any    `json:"value"`
					} `json:"plaintext"`
				} `json:"overriders"`
			} `json:"overrideRules"`
		} `json:"spec"`
	}
	script struct {
		LuaScript string `json:"luaScript"`
	}
	interpreter struct {
		header
		Spec struct {
			Target         selector          `json:"target"`
			Customizations map[string]script `json:"customizations"`
		} `json:"spec"`
	}
	googleBackend struct {
		ServiceName string `json:"serviceName"`
		ServicePort int    `json:"servicePort"`
	}
	multiClusterIngress struct {
		header
		Spec struct {
			Template struct {
				Spec struct {
					Backend googleBackend `json:"backend"`
					Rules   []struct {
						Host string `json:"host"`
						HTTP struct {
							Paths []struct {
								Path    string        `json:"path"`
								Backend googleBackend `json:"backend"`
							} `json:"paths"`
						} `json:"http"`
					} `json:"rules"`
				} `json:"spec"`
			} `json:"template"`
		} `json:"spec"`
	}
	multiClusterService struct {
		header
		Spec struct {
			Template struct {
				Spec struct {
					Selector map[string]string `json:"selector"`
					Ports    []map[string]any  `json:"ports"`
				} `json:"spec"`
			} `json:"template"`
		} `json:"spec"`
	}
)

// foreign gives what an object of a kind that Meridian does not read is decoded into; nil
// for kinds that the validator knows.
func foreign(apiVersion, kind string) any {
	switch apiVersion + " " + kind {
	case "apps/v1 Deployment":
		return &appsv1.Deployment{}
	case "policy.karmada.io/v1alpha1 PropagationPolicy", "policy.karmada.io/v1alpha1 ClusterPropagationPolicy":
		return &propagation{}
	case "policy.karmada.io/v1alpha1 OverridePolicy":
		return &overriding{}
	case "config.karmada.io/v1alpha1 ResourceInterpreterCustomization":
		return &interpreter{}
	case "networking.gke.io/v1 MultiClusterIngress":
		return &multiClusterIngress{}
	case "networking.gke.io/v1 MultiClusterService":
		return &multiClusterService{}
	}
	return nil
}

func TestEveryManifestIsWhatItClaims(t *testing.T) {
	validator := newValidator(t)
	for _, dir := range folders(t) {
		files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			objects, problems := validator.Objects(t.Context(), file, []byte(read(t, file)))
			assert.Empty(t, problems)
			assert.NotEmpty(t, objects, file)
			for _, doc := range documents(t, file) {
				into := foreign(text(doc, "apiVersion"), text(doc, "kind"))
				known := false
				for _, o := range objects {
					known = known || o.Value != nil && o.Kind.Kind == text(doc, "kind")
				}
				if into == nil {
					assert.True(t, known, "%s: kind %s has no schema here: give it one", file, text(doc, "kind"))
					continue
				}
				raw, err := yaml.Marshal(doc)
				require.NoError(t, err)
				assert.NoError(t, yaml.UnmarshalStrict(raw, into), "%s: %s", file, text(doc, "kind"))
			}
		}
	}
}

// TestAMistakeIsFound: the checks above can fail.
func TestAMistakeIsFound(t *testing.T) {
	raw := strings.Replace(read(t, "karmada-istio/override.yaml"), "overriders:", "overrides:", 1)
	assert.ErrorContains(t, yaml.UnmarshalStrict([]byte(raw), &overriding{}), "overrides")
	_, problems := newValidator(t).Objects(t.Context(), "gslb.yaml", []byte(strings.Replace(read(t, "linkerd/gslb.yaml"), "serviceHealthScope: local", "serviceHealthScope: near", 1)))
	require.NotEmpty(t, problems)
	assert.Equal(t, "spec.serviceHealthScope", problems[0].Path)
}

func newValidator(t *testing.T) *validate.Validator {
	t.Helper()
	v, err := validate.New()
	require.NoError(t, err)
	return v
}
