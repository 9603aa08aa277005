// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"context"
	"fmt"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apimachineryvalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/common"
	"sigs.k8s.io/yaml"
)

// resource applies one version of a CustomResourceDefinition, in the order in which
// an API server does. It is immutable and safe for concurrent use.
type resource struct {
	kind       schema.GroupVersionKind
	namespaced bool
	structural *structuralschema.Structural
	schema     validation.SchemaValidator
	cel        *cel.Validator
}

func newResource(definition []byte) (*resource, error) {
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(definition, crd); err != nil {
		return nil, fmt.Errorf("reading a CustomResourceDefinition: %w", err)
	}
	if len(crd.Spec.Versions) != 1 {
		return nil, fmt.Errorf("%s has %d versions, one is expected", crd.Name, len(crd.Spec.Versions))
	}
	version := crd.Spec.Versions[0]
	props := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, props, nil); err != nil {
		return nil, fmt.Errorf("converting the schema of %s: %w", crd.Name, err)
	}
	structural, err := structuralschema.NewStructural(props)
	if err != nil {
		return nil, fmt.Errorf("the schema of %s is not structural: %w", crd.Name, err)
	}
	schemaValidator, _, err := validation.NewSchemaValidator(props)
	if err != nil {
		return nil, fmt.Errorf("compiling the schema of %s: %w", crd.Name, err)
	}
	return &resource{
		kind:       schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind},
		namespaced: crd.Spec.Scope == apiextensionsv1.NamespaceScoped,
		structural: structural,
		schema:     schemaValidator,
		cel:        cel.NewValidator(structural, true, celconfig.PerCallLimit),
	}, nil
}

// prepare does to a decoded object what the server does before it validates: it
// removes unknown fields, whose paths it returns, removes nulls, drops the status,
// which only the status subresource takes, and fills in defaults.
func (r *resource) prepare(obj map[string]any) (unknown []string, err error) {
	_, _, unknown, err = objectmeta.GetObjectMetaWithOptions(obj, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return nil, err
	}
	options := structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	unknown = append(unknown, pruning.PruneWithOptions(obj, r.structural, true, options)...)
	defaulting.PruneNonNullableNullsWithoutDefaults(obj, r.structural)
	delete(obj, "status")
	defaulting.Default(obj, r.structural)
	return unknown, nil
}

// create validates a prepared object that is new.
func (r *resource) create(ctx context.Context, obj *unstructured.Unstructured) field.ErrorList {
	errs := apimachineryvalidation.ValidateObjectMetaAccessor(obj, r.namespaced, apimachineryvalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	errs = append(errs, validation.ValidateCustomResource(nil, obj.Object, r.schema)...)
	errs = append(errs, objectmeta.Validate(ctx, nil, obj.Object, r.structural, false)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, r.structural, obj.Object)...)
	if blocking(errs) {
		return append(errs, rulesUnchecked())
	}
	ruleErrs, _ := r.cel.Validate(ctx, nil, r.structural, obj.Object, nil, celconfig.RuntimeCELCostBudget)
	return append(errs, ruleErrs...)
}

// update validates a prepared object that replaces old. Problems that old had
// already, in fields that did not change, are tolerated.
func (r *resource) update(ctx context.Context, obj, old *unstructured.Unstructured) field.ErrorList {
	correlated := common.NewCorrelatedObject(obj.Object, old.Object, &model.Structural{Structural: r.structural})
	errs := apimachineryvalidation.ValidateObjectMetaAccessorUpdate(obj, old, field.NewPath("metadata"))
	errs = append(errs, validation.ValidateCustomResourceUpdate(nil, obj.Object, old.Object, r.schema, validation.WithRatcheting(correlated))...)
	errs = append(errs, objectmeta.Validate(ctx, nil, obj.Object, r.structural, false)...)
	if len(listtype.ValidateListSetsAndMaps(nil, r.structural, old.Object)) == 0 {
		errs = append(errs, listtype.ValidateListSetsAndMaps(nil, r.structural, obj.Object)...)
	}
	if blocking(errs) {
		return append(errs, rulesUnchecked())
	}
	ruleErrs, _ := r.cel.Validate(ctx, nil, r.structural, obj.Object, old.Object, celconfig.RuntimeCELCostBudget, cel.WithRatcheting(correlated))
	return append(errs, ruleErrs...)
}

// blocking reports whether errs keep the server from looking at CEL rules: they
// could not be evaluated within bounds on values of a wrong type or size.
func blocking(errs field.ErrorList) bool {
	for _, err := range errs {
		switch err.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong,
			field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return true
		case field.ErrorTypeNotFound, field.ErrorTypeDuplicate, field.ErrorTypeInvalid,
			field.ErrorTypeForbidden, field.ErrorTypeInternal, field.ErrorTypeTooShort, field.ErrorTypeTooFew:
		}
	}
	return false
}

func rulesUnchecked() *field.Error {
	return field.Invalid(nil, nil, "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation")
}
