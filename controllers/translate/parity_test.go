// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// forgiven are the bad objects of the API that translation takes: what is wrong with
// them does no harm to an answer. Those whose names begin with ingress- are refused
// again when the Ingress is written.
var forgiven = map[string]string{
	"entry-address-empty.yaml": "an empty list is no list",
	"host-capitals.yaml":       "DNS names are the same in either case",
	"host-trailing-dot.yaml":   "it is the same name",
	"host-underscore.yaml":     "DNS takes it",
	"name-capitals.yaml":       "names are the API server's business",
	"unknown-field-case.yaml":  "a decoder drops it",
}

// TestRulesAreThoseOfTheAPI holds the rules of a spec against the bad objects of the
// API: for an object that no API server has refused, nothing is offered either.
func TestRulesAreThoseOfTheAPI(t *testing.T) {
	bad, err := filepath.Glob("../../api/v1beta1/testdata/bad/*.yaml")
	require.NoError(t, err)
	zone := translate.Zone{ZoneIntent: gslb.ZoneIntent{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com")}}
	refused := 0
	for _, file := range bad {
		name := filepath.Base(file)
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		g := &gslbv1beta1.Gslb{}
		if err := yaml.UnmarshalStrict(data, g); err != nil || g.Kind != "Gslb" {
			continue // no client can hold such an object, or it is of another kind
		}
		if _, ok := forgiven[name]; ok || strings.HasPrefix(name, "ingress-") {
			continue
		}
		out := translate.Build(translate.Input{Gslb: g, Zones: []translate.Zone{zone}, Self: "eu", AllowLoopback: true})
		assert.Empty(t, out.Offers, "%s: %v", name, out.Conditions)
		refused++
	}
	assert.Greater(t, refused, 30)
}
