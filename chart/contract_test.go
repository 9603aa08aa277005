// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meridian-gslb/meridian/chart/internal/helm"
	"github.com/meridian-gslb/meridian/config"
	"github.com/meridian-gslb/meridian/controllers/rbac"
)

// TestConfigurationIsRead: what every variant writes is read by the program as it reads
// it, and means something: no unknown key, no bad value.
func TestConfigurationIsRead(t *testing.T) {
	for name, values := range variants(t) {
		t.Run(name, func(t *testing.T) {
			all := render(t, values)
			s := settings(t, all)
			assert.Equal(t, strings.ToLower(values["geoTag"].(string)), string(s.Self))
			assert.Equal(t, "meridian", s.Service)
			assert.NotEmpty(t, s.PeerKeys)
		})
	}
	s := settings(t, render(t, variants(t)["existing-secrets"]))
	assert.Equal(t, []string{"ns1.example.com:53", "192.0.2.53:5300"}, s.EdgeServers)
	assert.Equal(t, "hmac-sha512.", s.EdgeKey.Algorithm)
	assert.Equal(t, map[string][]string{"us": {"198.51.100.7:53"}, "ap": {"203.0.113.4:53", "[2001:db8::7]:5454"}}, plain(s.Peers))
	require.Len(t, s.PeerKeys, 3)
	assert.Equal(t, "us", string(s.PeerKeys[2].Peer), "a key of one peer only")
	assert.Equal(t, "eu-us.", s.PeerKeys[2].Key.Name)
	require.Len(t, s.UpdateKeys, 2)
	assert.Equal(t, "cert-manager.", s.UpdateKeys[0].Key.Name)
	assert.Empty(t, s.UpdateKeys[0].Scopes, "challenges of every zone")
	assert.Equal(t, "hmac-sha512.", s.UpdateKeys[1].Key.Algorithm)
	assert.Len(t, s.UpdateKeys[1].Scopes, 2)
	require.Len(t, s.Transfers.Keys, 2)
	assert.Equal(t, "hmac-sha512.", s.Transfers.Keys[1].Algorithm)
	require.Len(t, s.Transfers.Notify, 2)
	assert.Equal(t, "secondaries.", s.Transfers.Notify[0].Key.Name, "the first, if none is named")
	assert.Equal(t, "far.", s.Transfers.Notify[1].Key.Name)
	assert.Len(t, s.Transfers.Allow, 1)

	s = settings(t, render(t, variants(t)["everything"]))
	assert.True(t, s.Loopback, "a flag given by config")
	assert.False(t, s.EntryCheck)
	assert.Equal(t, 200, s.DNS.RateLimit)
	assert.Equal(t, []string{":8853"}, s.DNS.TLSListen)
}

func plain[K ~string](in map[K][]string) map[string][]string {
	out := make(map[string][]string)
	for k, v := range in {
		out[string(k)] = v
	}
	return out
}

// settings loads the rendered file, with the keys in the places where the Pod has them.
func settings(t *testing.T, all []object) *config.Settings {
	t.Helper()
	dir := t.TempDir()
	text := as[corev1.ConfigMap](t, find(t, all, "ConfigMap", "meridian")).Data["meridian.yaml"]
	text = strings.ReplaceAll(text, "/etc/meridian/", dir+"/")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "meridian.yaml"), []byte(text), 0o600))
	for _, source := range pod(t, all).Spec.Volumes[0].Projected.Sources {
		if source.Secret == nil {
			continue
		}
		for _, item := range source.Secret.Items {
			require.Contains(t, []string{"secret", "tls.crt", "tls.key"}, item.Key)
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, item.Path)), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(dir, item.Path), []byte("c2l4dGVlbi1vY3RldHMtYW5kLW1vcmUtb2YtaXQhIQ=="), 0o600))
		}
	}
	cfg := config.Default()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	cfg.Bind(fs)
	file := fs.String("config", "", "")
	require.NoError(t, fs.Parse(atHome(pod(t, all).Spec.Containers[0].Args[1:], dir)))
	require.NoError(t, config.Load(fs, *file, func(string) (string, bool) { return "", false }))
	s, err := cfg.Settings()
	require.NoError(t, err)
	return s
}

// TestFlagsOfConfig: the schema knows each flag of the program, and no other.
func TestFlagsOfConfig(t *testing.T) {
	raw, err := os.ReadFile("meridian/values.schema.json")
	require.NoError(t, err)
	var schema struct {
		Properties struct {
			Config struct{ Properties map[string]any }
		}
	}
	require.NoError(t, json.Unmarshal(raw, &schema))
	var want []string
	cfg := config.Default()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	cfg.Bind(fs)
	fs.VisitAll(func(f *pflag.Flag) { want = append(want, f.Name) })
	assert.Equal(t, want, slices.Sorted(maps.Keys(schema.Properties.Config.Properties)))
}

// atHome gives arguments as they are in a Pod whose files lie in dir.
func atHome(args []string, dir string) []string {
	var out []string
	for _, a := range args {
		a = strings.ReplaceAll(a, "/etc/meridian/", dir+"/")
		out = append(out, strings.ReplaceAll(a, "$(HOST_IP)", "192.0.2.10"))
	}
	return out
}

// TestRights: the rights of the controllers as they are tested, and no others.
func TestRights(t *testing.T) {
	want := parse(t, rbac.Manifest)
	all := render(t, variants(t)["default"])
	assert.Equal(t, as[rbacv1.ClusterRole](t, find(t, want, "ClusterRole", "meridian")).Rules,
		as[rbacv1.ClusterRole](t, find(t, all, "ClusterRole", "meridian")).Rules)
	role := as[rbacv1.Role](t, find(t, all, "Role", "meridian"))
	assert.Equal(t, as[rbacv1.Role](t, find(t, want, "Role", "meridian")).Rules, role.Rules)
	assert.Equal(t, "meridian", role.Namespace)
	for _, kind := range []string{"ClusterRoleBinding", "RoleBinding"} {
		wanted, got := find(t, want, kind, "meridian"), find(t, all, kind, "meridian")
		assert.Equal(t, wanted.Object["subjects"], got.Object["subjects"])
		assert.Equal(t, wanted.Object["roleRef"], got.Object["roleRef"])
	}
	for _, o := range all {
		if strings.HasSuffix(o.GetKind(), "Role") || strings.HasSuffix(o.GetKind(), "RoleBinding") {
			assert.True(t, has(want, o.GetKind(), o.GetName()), "%s %s grants something more", o.GetKind(), o.GetName())
		}
	}
}

// TestRightsWithExternalDNS: those of DNSEndpoints come with that provider only.
func TestRightsWithExternalDNS(t *testing.T) {
	want := parse(t, rbac.ExternalDNS)
	all := render(t, variants(t)["externaldns"])
	assert.Equal(t, as[rbacv1.Role](t, find(t, want, "Role", "meridian-externaldns")).Rules,
		as[rbacv1.Role](t, find(t, all, "Role", "meridian-dnsendpoints")).Rules)
	binding := as[rbacv1.RoleBinding](t, find(t, all, "RoleBinding", "meridian-dnsendpoints"))
	assert.Equal(t, "meridian-dnsendpoints", binding.RoleRef.Name)
	assert.Equal(t, as[rbacv1.RoleBinding](t, find(t, want, "RoleBinding", "meridian-externaldns")).Subjects, binding.Subjects)
}

// TestRightsWithUpdates: those of the ConfigMap of dynamic updates come with a key for
// them only, and are bound to its name.
func TestRightsWithUpdates(t *testing.T) {
	want := parse(t, rbac.Challenges)
	all := render(t, variants(t)["existing-secrets"])
	assert.Equal(t, as[rbacv1.Role](t, find(t, want, "Role", "meridian-challenges")).Rules,
		as[rbacv1.Role](t, find(t, all, "Role", "meridian-challenges")).Rules)
	binding := as[rbacv1.RoleBinding](t, find(t, all, "RoleBinding", "meridian-challenges"))
	assert.Equal(t, "meridian-challenges", binding.RoleRef.Name)
	assert.Equal(t, as[rbacv1.RoleBinding](t, find(t, want, "RoleBinding", "meridian-challenges")).Subjects, binding.Subjects)
	assert.False(t, has(render(t, variants(t)["default"]), "Role", "meridian-challenges"))
}

// TestNamesFollowTheRelease: another release in another namespace elects by a Lease of
// its own, and is granted that one.
func TestNamesFollowTheRelease(t *testing.T) {
	rel, err := helm.Template("blue", "dns", variants(t)["default"])
	require.NoError(t, err)
	all := parse(t, helm.Manifest(rel))
	role := as[rbacv1.Role](t, find(t, all, "Role", "blue-meridian"))
	assert.Equal(t, "dns", role.Namespace)
	assert.Equal(t, []string{"blue-meridian"}, role.Rules[1].ResourceNames)
	s := settings(t, renamed(all))
	assert.Equal(t, "blue-meridian", s.LeaseName)
	assert.Equal(t, "blue-meridian", s.Service)
	binding := as[rbacv1.ClusterRoleBinding](t, find(t, all, "ClusterRoleBinding", "blue-meridian"))
	assert.Equal(t, rbacv1.Subject{Kind: "ServiceAccount", Name: "blue-meridian", Namespace: "dns"}, binding.Subjects[0])
	assert.Equal(t, "blue-meridian", pod(t, renamed(all)).Spec.ServiceAccountName)
}

// renamed lets helpers find the ConfigMap and the Deployment of another release.
func renamed(all []object) []object {
	var out []object
	for _, o := range all {
		c := *o.DeepCopy()
		if c.GetKind() == "ConfigMap" || c.GetKind() == "Deployment" {
			c.SetName("meridian")
		}
		out = append(out, c)
	}
	return out
}

// TestKinds: the CRDs of the chart are those of the API, whatever their annotations.
func TestKinds(t *testing.T) {
	paths, err := filepath.Glob("../api/v1beta1/crds/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	copies, err := filepath.Glob("meridian/files/crds/*.yaml")
	require.NoError(t, err)
	require.Len(t, copies, len(paths), "run: make chart-generate")
	kept, removed := render(t, variants(t)["default"]), render(t, variants(t)["everything"])
	for _, path := range paths {
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join("meridian/files/crds", filepath.Base(path)))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "run: make chart-generate")

		crd := parse(t, string(want))[0]
		for _, all := range [][]object{kept, removed} {
			assert.Equal(t, crd.Object["spec"], find(t, all, "CustomResourceDefinition", crd.GetName()).Object["spec"])
		}
		assert.Equal(t, "keep", find(t, kept, "CustomResourceDefinition", crd.GetName()).GetAnnotations()["helm.sh/resource-policy"])
		assert.NotContains(t, find(t, removed, "CustomResourceDefinition", crd.GetName()).GetAnnotations(), "helm.sh/resource-policy")
		assert.False(t, has(render(t, variants(t)["no-edge"]), "CustomResourceDefinition", crd.GetName()), "crds.install: false")
	}
}

// TestKindsStayAwayWhereK8gbIs: with both installed, kubectl get gslb would show ours.
func TestKindsStayAwayWhereK8gbIs(t *testing.T) {
	const ours, theirs = "gslbs.gslb.meridian.dev", "gslbs.k8gb.io"
	for _, c := range []struct {
		why          string
		crds         helm.Values
		cluster      []string
		ours, theirs bool
	}{
		{"a cluster without either", nil, nil, true, false},
		{"k8gb's are there", nil, []string{"k8gb.io/v1beta1/Gslb"}, false, false},
		{"the older ones are there", nil, []string{"k8gb.absa.oss/v1beta1/Gslb"}, false, false},
		{"ours are asked for", helm.Values{"install": true}, []string{"k8gb.io/v1beta1/Gslb"}, true, false},
		{"theirs are asked for", helm.Values{"k8gb": true, "install": false}, nil, false, true},
	} {
		values := variants(t)["default"]
		if c.crds != nil {
			values["crds"] = c.crds
		}
		rel, err := helm.Template("meridian", "meridian", values, c.cluster...)
		require.NoError(t, err, c.why)
		all := parse(t, helm.Manifest(rel))
		assert.Equal(t, c.ours, has(all, "CustomResourceDefinition", ours), c.why)
		assert.Equal(t, c.theirs, has(all, "CustomResourceDefinition", theirs), c.why)
	}
}

// TestRightsOnK8gbGoWithIt: who does not read its objects need not be let.
func TestRightsOnK8gbGoWithIt(t *testing.T) {
	values := variants(t)["default"]
	rel, err := helm.Template("meridian", "meridian", values)
	require.NoError(t, err)
	assert.Contains(t, helm.Manifest(rel), "k8gb.absa.oss")
	values = variants(t)["default"]
	values["config"] = helm.Values{"k8gb-compat": false}
	rel, err = helm.Template("meridian", "meridian", values)
	require.NoError(t, err)
	assert.NotContains(t, helm.Manifest(rel), "k8gb.absa.oss")
}
