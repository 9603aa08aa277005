// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/api/k8gb"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// operator refuses to write while k8gb's operator runs: both would write the same
// Ingresses. It is known by the name of its Deployment, or by its image. ExternalDNS of k8gb
// writes none, and is named alone.
func (m *migration) operator(ctx context.Context) error {
	var list appsv1.DeploymentList
	if err := m.api.List(ctx, &list); err != nil {
		return fmt.Errorf("looking for k8gb's operator: %w", err)
	}
	for i := range list.Items {
		d := &list.Items[i]
		asked := d.Spec.Replicas == nil || *d.Spec.Replicas > 0
		if !asked && d.Status.Replicas == 0 {
			continue
		}
		switch {
		case isOperator(d):
			m.blocked("Deployment %s/%s: k8gb's operator runs; stop it first: kubectl -n %s scale deployment %s --replicas 0", d.Namespace, d.Name, d.Namespace, d.Name)
		case isExternalDNS(d):
			m.say("note", "Deployment %s/%s: k8gb's ExternalDNS runs, and writes k8gb's delegation over ours; stop it: kubectl -n %s scale deployment %s --replicas 0", d.Namespace, d.Name, d.Namespace, d.Name)
		}
	}
	if m.problems > 0 && m.apply {
		return errBlocked
	}
	return nil
}

func isOperator(d *appsv1.Deployment) bool {
	if d.Name == k8gb.OperatorName {
		return true
	}
	for i := range d.Spec.Template.Spec.Containers {
		image := path.Base(d.Spec.Template.Spec.Containers[i].Image)
		if name, _, _ := strings.Cut(image, ":"); name == k8gb.OperatorName {
			return true
		}
	}
	return false
}

// isExternalDNS reports that a Deployment is the ExternalDNS of k8gb's chart, by its name or
// by the owner that the chart gives it.
func isExternalDNS(d *appsv1.Deployment) bool {
	if d.Name == k8gb.ExternalDNSName {
		return true
	}
	return slices.ContainsFunc(d.Spec.Template.Spec.Containers, func(c corev1.Container) bool {
		return slices.ContainsFunc(c.Args, func(arg string) bool { return strings.HasPrefix(arg, "--txt-owner-id=k8gb-") })
	})
}

// definitions installs our CustomResourceDefinitions where they are not.
func (m *migration) definitions(ctx context.Context) error {
	for _, file := range []string{gslbv1beta1.GslbCRDFile, gslbv1beta1.ZoneDelegationCRDFile} {
		text, err := gslbv1beta1.CRDs.ReadFile(file)
		if err != nil {
			return err
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(text, crd); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		have := &apiextensionsv1.CustomResourceDefinition{}
		switch err := m.api.Get(ctx, client.ObjectKeyFromObject(crd), have); {
		case err == nil:
			continue
		case !apierrors.IsNotFound(err):
			return fmt.Errorf("CustomResourceDefinition %s: %w", crd.Name, err)
		}
		m.say("install", "CustomResourceDefinition %s", crd.Name)
		if !m.apply {
			continue
		}
		if err := m.install(ctx, crd); err != nil {
			return fmt.Errorf("CustomResourceDefinition %s: %w", crd.Name, err)
		}
	}
	return nil
}

func (m *migration) install(ctx context.Context, crd *apiextensionsv1.CustomResourceDefinition) error {
	if err := m.api.Create(ctx, crd); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return m.until(ctx, "it is not established", func() (bool, error) {
		have := &apiextensionsv1.CustomResourceDefinition{}
		err := m.api.Get(ctx, client.ObjectKeyFromObject(crd), have)
		return slices.ContainsFunc(have.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
			return c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue
		}), err
	})
}

// until asks until it is so; what says what else is the matter.
func (m *migration) until(ctx context.Context, what string, so func() (bool, error)) error {
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, m.timeout, true, func(context.Context) (bool, error) { return so() })
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("%s after %s", what, m.timeout)
	}
	return err
}
