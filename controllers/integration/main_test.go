// SPDX-License-Identifier: Apache-2.0

// Package integration_test runs the controllers against a real API server, etcd and
// kube-apiserver alone: nothing but the test and the controllers writes an object. What
// needs a whole cluster, garbage collection and nodes, is in whole_test.go.
package integration_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
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
	environment := &envtest.Environment{BinaryAssetsDirectory: assets, CRDs: crds}
	server, err = environment.Start()
	if err != nil {
		return 1, fmt.Errorf("starting an API server with our definitions: %w", err)
	}
	defer func() { err = errors.Join(err, environment.Stop()) }()
	return m.Run(), nil
}

func definitions() ([]*apiextensionsv1.CustomResourceDefinition, error) {
	var all []*apiextensionsv1.CustomResourceDefinition
	for _, file := range []string{gslbv1beta1.GslbCRDFile, gslbv1beta1.ZoneDelegationCRDFile} {
		bytes, err := gslbv1beta1.CRDs.ReadFile(file)
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
