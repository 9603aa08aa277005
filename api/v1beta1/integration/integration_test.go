// SPDX-License-Identifier: Apache-2.0

// Package integration_test shows a real API server the definitions and the samples
// of the API: it takes the definitions (and with them the cost of every rule),
// refuses each bad object with the message beside it, accepts each good one, and
// agrees with package validate on both. The server is etcd and kube-apiserver alone.
package integration_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/api/internal/apitest"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/api/validate"
	"github.com/meridian-gslb/meridian/internal/kplane"
)

const (
	testdata = "../testdata/"
	samples  = "../../../docs/samples"
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
	definitions, err := definitions()
	if err != nil {
		return 1, err
	}
	environment := &envtest.Environment{BinaryAssetsDirectory: assets, CRDs: definitions}
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

// newClient sends objects as kubectl does: the server refuses unknown fields.
func newClient(t *testing.T) client.Client {
	t.Helper()
	c, err := client.New(server, client.Options{FieldValidation: metav1.FieldValidationStrict})
	require.NoError(t, err)
	return c
}

func newValidator(t *testing.T) *validate.Validator {
	t.Helper()
	v, err := validate.New()
	require.NoError(t, err)
	return v
}

func TestBadObjectsAreRefusedWithTheMessageBesideThem(t *testing.T) {
	c, v := newClient(t), newValidator(t)
	for _, bad := range append(apitest.Load(t, testdata+"bad"), apitest.Load(t, testdata+"bad-other")...) {
		t.Run(bad.Name, func(t *testing.T) {
			_, problems := v.Objects(t.Context(), bad.File, bad.Data)
			err := c.Create(t.Context(), bad.Objects(t)[0], client.DryRunAll)
			require.Error(t, err)
			for _, want := range bad.Want {
				assert.True(t, want.In(err.Error()), "want %s\ngot %v", want, err)
			}
			if apierrors.IsInvalid(err) { // else the decoder refused it, whose words are all there is
				assert.ElementsMatch(t, fieldsOf(t, err), paths(problems), "the fields that validate names are those that the server names")
			}
		})
	}
}

// fieldsOf lists the fields that a refusal names.
func fieldsOf(t *testing.T, err error) []string {
	t.Helper()
	var status apierrors.APIStatus
	require.ErrorAs(t, err, &status)
	var fields []string
	if details := status.Status().Details; details != nil {
		for _, cause := range details.Causes {
			field := cause.Field
			if field == "<nil>" {
				field = ""
			}
			fields = append(fields, field)
		}
	}
	return fields
}

func paths(problems []validate.Problem) []string {
	var all []string
	for _, p := range problems {
		all = append(all, p.Path)
	}
	return all
}

func TestGoodObjectsAreAcceptedWithTheSameDefaults(t *testing.T) {
	c, v := newClient(t), newValidator(t)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "test-gslb"}}
	require.NoError(t, client.IgnoreAlreadyExists(c.Create(t.Context(), namespace)))
	for _, folder := range []string{testdata + "good", samples} {
		for _, good := range apitest.Load(t, folder) {
			t.Run(good.Name, func(t *testing.T) {
				for _, object := range good.Objects(t) {
					ours := object.DeepCopy()
					require.NoError(t, c.Create(t.Context(), object, client.DryRunAll))
					if object.GroupVersionKind().Group == gslbv1beta1.Group {
						require.Empty(t, v.Create(t.Context(), ours))
						assert.Equal(t, object.Object["spec"], ours.Object["spec"])
						assert.NotContains(t, object.Object, "status")
					}
				}
			})
		}
	}
}

func TestUpdates(t *testing.T) {
	c := newClient(t)
	for _, folder := range []string{"good-update", "bad-update"} {
		for _, update := range apitest.Load(t, testdata+folder) {
			t.Run(folder+"/"+update.Name, func(t *testing.T) {
				objects := update.Objects(t)
				before, after := objects[0], objects[1]
				create(t, c, before)
				after.SetResourceVersion(before.GetResourceVersion())
				err := c.Update(t.Context(), after)
				if len(update.Want) == 0 {
					require.NoError(t, err)
				}
				for _, want := range update.Want {
					require.Error(t, err)
					assert.True(t, want.In(err.Error()), "want %s\ngot %v", want, err)
				}
			})
		}
	}
}

// create creates an object until the end of the test.
func create(t *testing.T, c client.Client, object *unstructured.Unstructured) {
	t.Helper()
	require.NoError(t, c.Create(t.Context(), object))
	t.Cleanup(func() {
		assert.NoError(t, c.Delete(context.WithoutCancel(t.Context()), object))
	})
}

func TestColumns(t *testing.T) {
	c := newClient(t)
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": gslbv1beta1.GroupVersion.String(),
		"kind":       gslbv1beta1.GslbKind,
		"metadata":   map[string]any{"name": "columns", "namespace": "default"},
		"spec": map[string]any{
			"resourceRef": map[string]any{"apiVersion": "v1", "kind": "Service", "name": "app"},
			"strategy":    map[string]any{"type": "roundRobin"},
		},
	}}
	create(t, c, object)
	object.Object["status"] = map[string]any{
		"geoTag": "eu", "hosts": "app.cloud.example.com", "healthyClusters": "eu, us",
		"answers":    []any{map[string]any{"host": "app.cloud.example.com", "type": "A", "addresses": []any{"192.0.2.1", "192.0.2.2"}}},
		"conditions": []any{map[string]any{"type": "Serving", "status": "True", "reason": "Serving", "message": "", "lastTransitionTime": "2026-01-02T03:04:05Z"}},
	}
	require.NoError(t, c.Status().Update(t.Context(), object))
	names, row := table(t, "/apis/gslb.meridian.dev/v1beta1/namespaces/default/gslbs/columns")
	assert.Equal(t, []string{"Name", "Strategy", "GeoTag", "Healthy", "Serving", "Reason", "Hosts", "Answer", "Age"}, names)
	assert.Equal(t, []any{"columns", "roundRobin", "eu", "eu, us", "True", "Serving", "app.cloud.example.com", `["192.0.2.1","192.0.2.2"]`}, row[:8])
}

// table asks for an object as kubectl does to print it.
func table(t *testing.T, path string) (columns []string, row []any) {
	t.Helper()
	httpClient, err := rest.HTTPClientFor(server)
	require.NoError(t, err)
	base, _, err := rest.DefaultServerUrlFor(server)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base.JoinPath(path).String(), http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
	response, err := httpClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	bytes, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	answer := metav1.Table{}
	require.NoError(t, yaml.Unmarshal(bytes, &answer))
	require.Len(t, answer.Rows, 1, string(bytes))
	for _, column := range answer.ColumnDefinitions {
		columns = append(columns, column.Name)
	}
	return columns, answer.Rows[0].Cells
}
