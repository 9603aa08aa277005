// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// mass is a site with its own API server and more Gslbs than a mistake may take at once,
// as it is installed by flags: its ZoneDelegation is the one that Meridian made.
type mass struct {
	*site
	wire *wire
	cfg  *rest.Config
	ns   string
	crds client.Client
}

const (
	massHosts = 12
	massZone  = "cloud.example.com"
)

func newMass(t *testing.T) *mass {
	t.Helper()
	crds, err := definitions()
	require.NoError(t, err)
	cfg := ownServer(t, crds)
	w, through := newWire(t, cfg)
	s := newSite(t, through, impatient)
	s.api = newClient(t, cfg)
	m := &mass{site: s, wire: w, cfg: cfg, ns: namespaceOnly(t, s.api)}
	scheme := runtime.NewScheme()
	require.NoError(t, apiextensionsv1.AddToScheme(scheme))
	m.crds, err = client.New(cfg, client.Options{Scheme: scheme})
	require.NoError(t, err)
	app(t, s.api, m.ns, "shop", true)
	m.create(t)
	return m
}

func massHost(i int) string { return fmt.Sprintf("app%d.cloud.example.com", i) }

func (m *mass) create(t *testing.T) {
	t.Helper()
	for i := range massHosts {
		g := embedded(m.ns, fmt.Sprint("app", i), massHost(i), "shop")
		g.Spec.EntryAddresses = []gslbv1beta1.Address{gslbv1beta1.Address(fmt.Sprintf("192.0.2.%d", i+1))}
		eventually(t, func() error { return client.IgnoreAlreadyExists(m.api.Create(t.Context(), g.DeepCopy())) })
	}
	m.answered()
}

// answered waits until every host has its address, and as many are held as are meant.
func (m *mass) answered() {
	m.t.Helper()
	for i := range massHosts {
		m.answers(massHost(i), fmt.Sprintf("192.0.2.%d", i+1))
	}
}

func (m *mass) held(want int) {
	m.t.Helper()
	eventually(m.t, func() error {
		have := 0
		for _, h := range m.store.World().Held {
			have += h.Hosts
		}
		if have != want {
			return notYet("%d hosts are held, not %d", have, want)
		}
		return nil
	})
}

func (m *mass) allow(t *testing.T, value string) {
	t.Helper()
	eventually(t, func() error {
		zd := &gslbv1beta1.ZoneDelegation{}
		if err := m.api.Get(t.Context(), client.ObjectKey{Name: massZone}, zd); err != nil {
			return err
		}
		metav1.SetMetaDataAnnotation(&zd.ObjectMeta, gslbv1beta1.AnnotationAllowMassRemoval, value)
		return m.api.Update(t.Context(), zd)
	})
}

// TestEverythingDeletedByMistakeIsHeldToldAndLetThrough: the mistakes of operators and of
// API servers, on a real one.
func TestEverythingDeletedByMistakeIsHeldToldAndLetThrough(t *testing.T) {
	m := newMass(t)
	deleteAll := func(t *testing.T) {
		t.Helper()
		require.NoError(t, m.api.DeleteAllOf(t.Context(), &gslbv1beta1.Gslb{}, client.InNamespace(m.ns)))
	}
	t.Run("all Gslbs, as when a namespace is deleted", func(t *testing.T) {
		deleteAll(t)
		m.held(massHosts)
		m.answered()
		m.zoneCondition(massZone, gslbv1beta1.ConditionUpToDate, metav1.ConditionFalse, gslbv1beta1.ReasonRemovalsHeld)
		m.told("ZoneDelegation", "default", massZone, gslbv1beta1.ReasonRemovalsHeld)
		assert.Empty(t, m.quiet(), "what is held is told once")

		m.create(t)
		m.held(0)
		m.zoneCondition(massZone, gslbv1beta1.ConditionUpToDate, metav1.ConditionTrue, gslbv1beta1.ReasonUpToDate)
	})
	t.Run("the definition of Gslbs, and with it all of them", func(t *testing.T) {
		crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "gslbs.gslb.meridian.dev"}}
		require.NoError(t, m.crds.Delete(t.Context(), crd))
		eventually(t, func() error {
			err := m.crds.Get(t.Context(), client.ObjectKeyFromObject(crd), &apiextensionsv1.CustomResourceDefinition{})
			if !apierrors.IsNotFound(err) {
				return notYet("the definition is there: %v", err)
			}
			return nil
		})
		m.blind(true)
		m.answered()
		assert.True(t, m.store.World().Ready)

		crds, err := definitions()
		require.NoError(t, err)
		_, err = envtest.InstallCRDs(m.cfg, envtest.CRDInstallOptions{CRDs: crds})
		require.NoError(t, err)
		m.create(t)
		m.blind(false)
		m.held(0)
	})
	t.Run("a list that is read anew has none of them, as after a restored backup", func(t *testing.T) {
		m.wire.setCut(true)
		m.blind(true)
		deleteAll(t)
		m.wire.setCut(false)
		m.blind(false)
		m.zoneCondition(massZone, gslbv1beta1.ConditionUpToDate, metav1.ConditionFalse, gslbv1beta1.ReasonRemovalsHeld)
		m.answered()
		m.create(t)
		m.zoneCondition(massZone, gslbv1beta1.ConditionUpToDate, metav1.ConditionTrue, gslbv1beta1.ReasonUpToDate)
	})
	t.Run("on purpose", func(t *testing.T) {
		deleteAll(t)
		m.zoneCondition(massZone, gslbv1beta1.ConditionUpToDate, metav1.ConditionFalse, gslbv1beta1.ReasonRemovalsHeld)
		m.answered()
		m.allow(t, "true")
		m.held(0)
		for i := range massHosts {
			m.absent(massHost(i))
		}
		m.zoneCondition(massZone, gslbv1beta1.ConditionUpToDate, metav1.ConditionTrue, gslbv1beta1.ReasonUpToDate)
	})
}
