// SPDX-License-Identifier: Apache-2.0

// Command externaldns is ExternalDNS v0.21.0 for end-to-end tests, made of its own parts
// as they were released: flags, RFC 2136 provider, TXT registry, plan and policies. Only
// the loop around them is ours, and the reading of DNSEndpoints: the released main
// program takes the client libraries of thirty clouds along, and minutes to compile. It
// understands every flag of ExternalDNS; the flags of other sources, providers and
// registries are accepted and do nothing.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/external-dns/apis/v1alpha1"
	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/provider"
	"sigs.k8s.io/external-dns/provider/rfc2136"
	"sigs.k8s.io/external-dns/registry"
	"sigs.k8s.io/external-dns/registry/txt"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		slog.Error("ending", "error", err)
		os.Exit(1)
	}
}

// controller is one ExternalDNS.
type controller struct {
	cfg      *externaldns.Config
	objects  client.Client
	provider provider.Provider
	registry registry.Registry
	filter   *endpoint.DomainFilter
}

func run(ctx context.Context, args []string) error {
	c := &controller{cfg: externaldns.NewConfig()}
	if err := c.cfg.ParseFlags(args); err != nil {
		return err
	}
	c.filter = endpoint.NewDomainFilterWithExclusions(c.cfg.DomainFilter, c.cfg.DomainExclude)
	if plan.Policies[c.cfg.Policy] == nil {
		return fmt.Errorf("no policy %q", c.cfg.Policy)
	}
	kube, err := clientcmd.BuildConfigFromFlags("", c.cfg.KubeConfig)
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	if c.objects, err = client.New(kube, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	if c.provider, err = rfc2136.New(ctx, c.cfg, c.filter); err != nil {
		return err
	}
	if c.registry, err = txt.New(c.cfg, c.provider); err != nil {
		return err
	}
	for {
		if err := c.round(ctx); err != nil && !errors.Is(err, context.Canceled) {
			slog.Error("round failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(c.cfg.Interval):
		}
	}
}

// round carries what the DNSEndpoints say into the zone once.
func (c *controller) round(ctx context.Context) error {
	current, err := c.registry.Records(ctx)
	if err != nil {
		return err
	}
	ctx = context.WithValue(ctx, provider.RecordsContextKey, current)
	desired, err := c.endpoints(ctx)
	if err != nil {
		return err
	}
	if desired, err = c.registry.AdjustEndpoints(desired); err != nil {
		return err
	}
	p := &plan.Plan{
		Policies: []plan.Policy{plan.Policies[c.cfg.Policy]}, Current: current, Desired: desired,
		DomainFilter:   endpoint.MatchAllDomainFilters{c.filter, c.registry.GetDomainFilter()},
		ManagedRecords: c.cfg.ManagedDNSRecordTypes, ExcludeRecords: c.cfg.ExcludeDNSRecordTypes, OwnerID: c.registry.OwnerID(),
	}
	p = p.Calculate()
	if !p.Changes.HasChanges() {
		slog.Info("All records are already up to date")
		return nil
	}
	slog.Info("applying", "create", p.Changes.Create, "from", p.Changes.UpdateOld, "to", p.Changes.UpdateNew, "delete", p.Changes.Delete)
	return c.registry.ApplyChanges(ctx, p.Changes)
}

// endpoints reads the DNSEndpoints, and says in their status that it did.
func (c *controller) endpoints(ctx context.Context) ([]*endpoint.Endpoint, error) {
	var list v1alpha1.DNSEndpointList
	selector, err := labels.Parse(c.cfg.LabelFilter)
	if err != nil {
		return nil, err
	}
	if err := c.objects.List(ctx, &list, client.InNamespace(c.cfg.Namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return nil, err
	}
	var all []*endpoint.Endpoint
	for i := range list.Items {
		obj := &list.Items[i]
		for _, e := range obj.Spec.Endpoints {
			all = append(all, e.WithLabel(endpoint.ResourceLabelKey, "crd/"+obj.Namespace+"/"+obj.Name))
		}
		if obj.Status.ObservedGeneration == obj.Generation {
			continue
		}
		obj.Status.ObservedGeneration = obj.Generation
		if err := c.objects.Status().Update(ctx, obj); err != nil {
			return nil, err
		}
	}
	return all, nil
}
