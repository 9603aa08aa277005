// SPDX-License-Identifier: Apache-2.0

package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// owner is the field manager of what the tests apply.
const owner = "terratest"

// parse reads YAML documents into objects. Those without a namespace are in ns.
func parse(manifest, ns string) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	for d := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096); ; {
		u := &unstructured.Unstructured{}
		err := d.Decode(u)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading a manifest: %w\n%s", err, manifest)
		}
		if len(u.Object) == 0 {
			continue
		}
		if u.GetNamespace() == "" {
			u.SetNamespace(ns)
		}
		out = append(out, u)
	}
}

// Apply applies the objects of a manifest (server-side apply) in one cluster; those
// that name no namespace go into the stage's.
func (s *Stage) Apply(ctx context.Context, c *Cluster, manifest string) error {
	objects, err := parse(manifest, s.Namespace)
	if err != nil {
		return err
	}
	for _, u := range objects {
		err := c.API.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(owner), client.ForceOwnership)
		if err != nil {
			return fmt.Errorf("%s: applying %s %s: %w", c.Name, u.GetKind(), u.GetName(), err)
		}
	}
	return nil
}

// ApplyIn is one step: manifest gives what is applied in each of some clusters.
func (s *Stage) ApplyIn(what string, cs []*Cluster, manifest func(c *Cluster) string) {
	s.T.Helper()
	s.Do(what, func(ctx context.Context) error {
		for _, c := range cs {
			if err := s.Apply(ctx, c, manifest(c)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Create creates the one object of a manifest under strict validation, as kubectl
// does; the error is the API server's.
func (s *Stage) Create(ctx context.Context, c *Cluster, manifest string, opts ...client.CreateOption) error {
	objects, err := parse(manifest, s.Namespace)
	if err != nil {
		return err
	}
	strict := client.WithFieldValidation(c.API, metav1.FieldValidationStrict)
	for _, u := range objects {
		if err := strict.Create(ctx, u, opts...); err != nil {
			return err
		}
	}
	return nil
}

// Patch merges JSON into an object of the stage's namespace.
func (s *Stage) Patch(ctx context.Context, c *Cluster, object client.Object, name, patch string) error {
	object.SetNamespace(s.Namespace)
	object.SetName(name)
	if err := c.API.Patch(ctx, object, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		return fmt.Errorf("%s: patching %s with %s: %w", c.Name, name, patch, err)
	}
	return nil
}

// Delete deletes an object of the stage's namespace, with what it owns.
func (s *Stage) Delete(ctx context.Context, c *Cluster, object client.Object, name string) error {
	object.SetNamespace(s.Namespace)
	object.SetName(name)
	if err := c.API.Delete(ctx, object, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		return fmt.Errorf("%s: deleting %s: %w", c.Name, name, err)
	}
	return nil
}

// Get reads an object of the stage's namespace.
func (s *Stage) Get(ctx context.Context, c *Cluster, object client.Object, name string) error {
	if err := c.API.Get(ctx, types.NamespacedName{Namespace: s.Namespace, Name: name}, object); err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	return nil
}

// Scale is one step: it sets the replicas of a Deployment in some clusters, and
// does not wait for them.
func (s *Stage) Scale(deployment string, replicas int, cs ...*Cluster) {
	s.T.Helper()
	s.Do(fmt.Sprintf("scale %s to %d in %s", deployment, replicas, strings.Join(Tags(cs...), ", ")), func(ctx context.Context) error {
		for _, c := range cs {
			if err := s.Patch(ctx, c, &appsv1.Deployment{}, deployment, fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas)); err != nil {
				return err
			}
		}
		return nil
	})
}

// AwaitReady is one step: every replica of a Deployment is ready in some clusters.
func (s *Stage) AwaitReady(deployment string, cs ...*Cluster) {
	s.T.Helper()
	s.Until(fmt.Sprintf("%s is ready in %s", deployment, strings.Join(Tags(cs...), ", ")), Patiently, func(ctx context.Context) error {
		for _, c := range cs {
			var d appsv1.Deployment
			if err := s.Get(ctx, c, &d, deployment); err != nil {
				return err
			}
			if want := *d.Spec.Replicas; d.Status.ObservedGeneration < d.Generation || d.Status.ReadyReplicas < want {
				return fmt.Errorf("%s has %d of %d replicas ready", c.Name, d.Status.ReadyReplicas, want)
			}
		}
		return nil
	})
}

// AwaitEntries is one step: the Ingress of that name has addresses in every one
// of some clusters. At gives them from then on.
func (s *Stage) AwaitEntries(ingress string, cs ...*Cluster) {
	s.T.Helper()
	s.Until("the Ingress "+ingress+" has addresses in "+strings.Join(Tags(cs...), ", "), Patiently, func(ctx context.Context) error {
		for _, c := range cs {
			var in networkingv1.Ingress
			if err := s.Get(ctx, c, &in, ingress); err != nil {
				return err
			}
			var addrs []string
			for _, lb := range in.Status.LoadBalancer.Ingress {
				if lb.IP != "" {
					addrs = append(addrs, lb.IP)
				}
			}
			if len(addrs) == 0 {
				return fmt.Errorf("the Ingress %s has no address in %s", ingress, c.Name)
			}
			s.entries[c] = addrs
		}
		return nil
	})
}

// At gives the entries of some clusters as an answer has them (see Join).
func (s *Stage) At(cs ...*Cluster) string {
	var all []string
	for _, c := range cs {
		all = append(all, s.entries[c]...)
	}
	return Join(all)
}

// AwaitGslb is one step: the status of a Gslb is as f wants in every one of some
// clusters; f's error says what is missing.
func (s *Stage) AwaitGslb(what, name string, cs []*Cluster, f func(c *Cluster, g *gslbv1beta1.Gslb) error) {
	s.T.Helper()
	s.Until(what, Soon, func(ctx context.Context) error {
		for _, c := range cs {
			var g gslbv1beta1.Gslb
			if err := s.Get(ctx, c, &g, name); err != nil {
				return err
			}
			if g.Status.ObservedGeneration != g.Generation {
				return fmt.Errorf("%s: the status of %s is of generation %d, not %d", c.Name, name, g.Status.ObservedGeneration, g.Generation)
			}
			if err := f(c, &g); err != nil {
				return fmt.Errorf("%s: %s: %w", c.Name, name, err)
			}
		}
		return nil
	})
}

// AwaitGslbObserved is one step: every cluster has taken the Gslb's present spec.
func (s *Stage) AwaitGslbObserved(name string) {
	s.T.Helper()
	s.AwaitGslb("every cluster has taken the Gslb "+name, name, s.Clusters, func(*Cluster, *gslbv1beta1.Gslb) error { return nil })
}

// Condition wants a condition of a Gslb to have a status and a reason.
func Condition(g *gslbv1beta1.Gslb, kind string, status metav1.ConditionStatus, reason string) error {
	for _, c := range g.Status.Conditions {
		if c.Type == kind {
			if c.Status != status || c.Reason != reason {
				return fmt.Errorf("condition %s is %s (%s: %s), want %s (%s)", kind, c.Status, c.Reason, c.Message, status, reason)
			}
			return nil
		}
	}
	return fmt.Errorf("there is no condition %s", kind)
}
