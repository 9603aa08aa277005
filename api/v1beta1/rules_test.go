// SPDX-License-Identifier: Apache-2.0

package v1beta1_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"sigs.k8s.io/yaml"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// An API server refuses a definition with a rule whose estimated cost exceeds these
// limits (its constants of the same names are not exported where we could use them).
const (
	perExpressionCost = 10_000_000
	totalCost         = 100_000_000
)

func schemaOf(t *testing.T, file string) *structuralschema.Structural {
	t.Helper()
	bytes, err := gslbv1beta1.CRDs.ReadFile(file)
	require.NoError(t, err)
	crd := &apiextensionsv1.CustomResourceDefinition{}
	require.NoError(t, yaml.UnmarshalStrict(bytes, crd))
	props := &apiextensions.JSONSchemaProps{}
	require.NoError(t, apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, props, nil))
	structural, err := structuralschema.NewStructural(props)
	require.NoError(t, err)
	return structural
}

// ruleCosts calls visit for each rule below s with its estimated cost for a whole
// object: how often it can be evaluated, by the bounds of the lists and maps around
// it, times the cost of one evaluation.
func ruleCosts(t *testing.T, path string, s *structuralschema.Structural, root bool, times uint64, visit func(path, rule string, cost uint64)) {
	t.Helper()
	if len(s.XValidations) > 0 {
		environments := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
		results, err := cel.Compile(s, model.SchemaDeclType(s, root), celconfig.PerCallLimit, environments, cel.NewExpressionsEnvLoader())
		require.NoError(t, err, path)
		for i, result := range results {
			rule := s.XValidations[i].Rule
			require.Nil(t, result.Error, "%s: %s", path, rule)
			visit(path, rule, result.MaxCost*times)
		}
	}
	for name, property := range s.Properties {
		ruleCosts(t, path+"."+name, &property, false, times, visit)
	}
	if s.Items != nil {
		ruleCosts(t, path+"[]", s.Items, false, times*bound(t, path, s.ValueValidation.MaxItems, s.Items), visit)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil {
		values := s.AdditionalProperties.Structural
		ruleCosts(t, path+"{}", values, false, times*bound(t, path, s.ValueValidation.MaxProperties, values), visit)
	}
}

func bound(t *testing.T, path string, limit *int64, of *structuralschema.Structural) uint64 {
	t.Helper()
	if limit == nil {
		require.Empty(t, of.XValidations, "%s has rules in it and no bound", path)
		return 1
	}
	return uint64(*limit)
}

func TestRulesCompileWithinTheServersBudget(t *testing.T) {
	for _, file := range []string{gslbv1beta1.GslbCRDFile, gslbv1beta1.ZoneDelegationCRDFile} {
		t.Run(file, func(t *testing.T) {
			var total uint64
			rules := 0
			ruleCosts(t, "", schemaOf(t, file), true, 1, func(path, rule string, cost uint64) {
				t.Logf("%9d %s: %s", cost, path, rule)
				assert.LessOrEqual(t, cost, uint64(perExpressionCost), "%s: %s", path, rule)
				total += cost
				rules++
			})
			assert.LessOrEqual(t, total, uint64(totalCost))
			assert.Greater(t, rules, 5, "the walk found the rules")
		})
	}
}

func TestEveryRuleSaysWhatWouldBeRight(t *testing.T) {
	var check func(path string, s *structuralschema.Structural)
	check = func(path string, s *structuralschema.Structural) {
		for _, rule := range s.XValidations {
			assert.Greater(t, len(rule.Message), 15, "%s: %s", path, rule.Rule)
		}
		for name, property := range s.Properties {
			check(path+"."+name, &property)
		}
		if s.Items != nil {
			check(path+"[]", s.Items)
		}
	}
	check("Gslb", schemaOf(t, gslbv1beta1.GslbCRDFile))
	check("ZoneDelegation", schemaOf(t, gslbv1beta1.ZoneDelegationCRDFile))
}
