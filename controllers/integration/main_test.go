// SPDX-License-Identifier: Apache-2.0

// Package integration_test runs the controllers against a real API server, etcd and
// kube-apiserver alone: nothing but the test and the controllers writes an object. What
// needs a whole cluster, garbage collection and nodes, is in whole_test.go.
package integration_test

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/api/k8gb"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/rbac"
	"github.com/meridian-gslb/meridian/internal/kplane"
)

// server is the one API server of the package; TestMain starts and stops it.
var server *rest.Config

func TestMain(m *testing.M) {
	code, err := runWithServer(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runWithServer(m *testing.M) (code int, err error) {
	assets, err := kplane.Assets(context.Background())
	if err != nil {
		return 1, err
	}
	crds, err := definitions()
	if err != nil {
		return 1, err
	}
	environment := newEnvironment(assets, crds)
	server, err = environment.Start()
	if err != nil {
		return 1, fmt.Errorf("starting an API server with our definitions: %w", err)
	}
	defer func() { err = errors.Join(err, environment.Stop()) }()
	defer func() { err = errors.Join(err, beside.stop()) }()
	if err := grant(server); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// ownServer is an API server of one test, with these definitions: nobody else writes to it.
func ownServer(t *testing.T, crds []*apiextensionsv1.CustomResourceDefinition) *rest.Config {
	t.Helper()
	assets, err := kplane.Assets(t.Context())
	require.NoError(t, err)
	own := newEnvironment(assets, crds)
	cfg, err := own.Start()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, own.Stop()) })
	require.NoError(t, grant(cfg))
	return cfg
}

// newEnvironment is an API server that guards owner references as strictly as it can.
func newEnvironment(assets string, crds []*apiextensionsv1.CustomResourceDefinition) *envtest.Environment {
	e := &envtest.Environment{BinaryAssetsDirectory: assets, CRDs: crds}
	e.ControlPlane.GetAPIServer().Configure().Append("enable-admission-plugins", "OwnerReferencesPermissionEnforcement")
	return e
}

// grant gives Meridian's ServiceAccount the rights of controllers/rbac, in its namespace.
func grant(cfg *rest.Config) error {
	ctx := context.Background()
	c, err := client.New(cfg, client.Options{Log: logr.FromSlogHandler(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	objects := []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "meridian"}}}
	for document := range strings.SplitSeq(rbac.Manifest+"\n---\n"+rbac.ExternalDNS+"\n---\n"+rbac.Challenges, "\n---\n") {
		obj := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &obj.Object); err != nil {
			return fmt.Errorf("controllers/rbac: %w", err)
		}
		objects = append(objects, obj)
	}
	for _, obj := range objects {
		if err := c.Create(ctx, obj); err != nil {
			return err
		}
	}
	return nil
}

// asMeridian gives the credentials with which the controllers run: those of Meridian's
// ServiceAccount.
func asMeridian(cfg *rest.Config) *rest.Config {
	own := rest.CopyConfig(cfg)
	own.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:meridian:meridian",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:meridian", "system:authenticated"},
	}
	return own
}

func definitions() ([]*apiextensionsv1.CustomResourceDefinition, error) {
	return read(gslbv1beta1.CRDs, gslbv1beta1.GslbCRDFile, gslbv1beta1.ZoneDelegationCRDFile)
}

// incumbentDefinitions are k8gb's.
func incumbentDefinitions() ([]*apiextensionsv1.CustomResourceDefinition, error) {
	return read(k8gb.CRDs, k8gb.GslbCRDFile, k8gb.ZoneDelegationCRDFile, k8gb.AbsaGslbCRDFile)
}

func read(folder embed.FS, files ...string) ([]*apiextensionsv1.CustomResourceDefinition, error) {
	var all []*apiextensionsv1.CustomResourceDefinition
	for _, file := range files {
		bytes, err := folder.ReadFile(file)
		if err != nil {
			return nil, err
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(bytes, crd); err != nil {
			return nil, err
		}
		all = append(all, crd)
	}
	return all, nil
}
