// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"regexp"
	"slices"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/provider"
	"sigs.k8s.io/external-dns/registry/txt"
)

// zoneAtAProvider is an edge zone: what it has.
type zoneAtAProvider struct {
	provider.BaseProvider
	has []*endpoint.Endpoint
}

func (z *zoneAtAProvider) Records(context.Context) ([]*endpoint.Endpoint, error) {
	var all []*endpoint.Endpoint
	for _, e := range z.has {
		all = append(all, e.DeepCopy())
	}
	return all, nil
}

func (z *zoneAtAProvider) ApplyChanges(context.Context, *plan.Changes) error { return nil }

var ownership = regexp.MustCompile(`(?m)^ *(\S+)\. +300 TXT (".*")$`)

// TestFromTheOwnerOfK8gb plans against an edge zone that k8gb's ExternalDNS wrote: nothing of
// it is changed until the TXT records of the page are there, and everything then.
func TestFromTheOwnerOfK8gb(t *testing.T) {
	const zone, eu, us = "cloud.example.com", "gslb-ns-eu-cloud.example.com", "gslb-ns-us-cloud.example.com"
	const theirs = `"heritage=external-dns,external-dns/owner=k8gb-cloud.example.com-eu"`
	before := []*endpoint.Endpoint{
		endpoint.NewEndpointWithTTL(zone, "NS", 30, eu, us),
		endpoint.NewEndpointWithTTL(eu, "A", 30, "192.0.2.1"),
		endpoint.NewEndpointWithTTL(us, "A", 30, "192.0.2.2"),
		endpoint.NewEndpoint("k8gb-eu-ns-"+zone, "TXT", theirs),
		endpoint.NewEndpoint("k8gb-eu-a-"+eu, "TXT", theirs),
	}
	page, err := os.ReadFile("../../docs/migrating-from-k8gb.md")
	if err != nil {
		t.Fatal(err)
	}
	after := slices.Clone(before)
	for _, m := range ownership.FindAllStringSubmatch(string(page), -1) {
		after = append(after, endpoint.NewEndpointWithTTL(m[1], "TXT", 300, m[2]))
	}
	if added := len(after) - len(before); added != 3 {
		t.Fatalf("the page has %d TXT records, not 3", added)
	}
	for _, tt := range []struct {
		why  string
		zone []*endpoint.Endpoint
		want []string
	}{
		{"another owner's is left alone", before, nil},
		{"the TXT records make it ours", after, []string{zone + " NS", eu + " A", us + " A"}},
	} {
		updated, removed := planned(t, tt.zone, []*endpoint.Endpoint{
			endpoint.NewEndpointWithTTL(zone, "NS", 300, eu, us),
			endpoint.NewEndpointWithTTL(eu, "A", 300, "203.0.113.10"),
			endpoint.NewEndpointWithTTL(us, "A", 300, "192.0.2.2"),
		})
		slices.Sort(tt.want)
		if !slices.Equal(updated, tt.want) || removed != 0 {
			t.Errorf("%s: %q would be updated, %d removed", tt.why, updated, removed)
		}
	}
}

// planned gives what ExternalDNS would update with the settings of docs/edge, and how many
// it would remove.
func planned(t *testing.T, has, desired []*endpoint.Endpoint) (updated []string, removed int) {
	t.Helper()
	cfg := externaldns.NewConfig()
	args := slices.DeleteFunc(flagsOf(t, "../../docs/edge/externaldns.md")[0], func(f string) bool { return f == "--provider=…" })
	if err := cfg.ParseFlags(append(args, "--provider=google")); err != nil {
		t.Fatal(err)
	}
	registry, err := txt.New(cfg, &zoneAtAProvider{has: has})
	if err != nil {
		t.Fatal(err)
	}
	current, err := registry.Records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := (&plan.Plan{
		Policies: []plan.Policy{plan.Policies[cfg.Policy]}, Current: current, Desired: desired,
		DomainFilter:   endpoint.MatchAllDomainFilters{endpoint.NewDomainFilter(cfg.DomainFilter)},
		ManagedRecords: cfg.ManagedDNSRecordTypes, OwnerID: registry.OwnerID(),
	}).Calculate()
	for _, e := range p.Changes.UpdateNew {
		updated = append(updated, e.DNSName+" "+e.RecordType)
	}
	slices.Sort(updated)
	return updated, len(p.Changes.Delete)
}
