// SPDX-License-Identifier: Apache-2.0

package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/api/validate"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/hostnames"
)

// goldenCase is what the head of a golden input says that folders can say too.
type goldenCase struct {
	Self          string              `json:"self"`
	Names         []string            `json:"names"`
	Zones         []string            `json:"zones"`
	Resolved      map[string][]string `json:"resolved"`
	AllowLoopback bool                `json:"allowLoopback"`
	InternalCIDRs []netip.Prefix      `json:"internalCIDRs"`
	EntryCIDRs    []netip.Prefix      `json:"entryCIDRs"`
	Gates         map[string]bool     `json:"gates"`
}

// goldenWant is of a golden output what clients notice.
type goldenWant struct {
	Zones []struct {
		Zone     string   `json:"zone"`
		Of       string   `json:"of"`
		Records  []string `json:"records"`
		Accepted string   `json:"accepted"`
	} `json:"zones"`
	Gslbs []struct {
		Source     string   `json:"source"`
		Conditions []string `json:"conditions"`
		Offers     []struct {
			Host    string   `json:"host"`
			Reason  string   `json:"reason"`
			Entries []string `json:"entries"`
		} `json:"offers"`
	} `json:"gslbs"`
}

// words puts what is compared in lines.
func (g *goldenWant) words() []string {
	var all []string
	for _, z := range g.Zones {
		all = append(all, fmt.Sprintf("zone %q of %q %q %q", z.Zone, z.Of, z.Records, z.Accepted))
	}
	for _, s := range g.Gslbs {
		for _, c := range s.Conditions {
			all = append(all, s.Source+" "+c)
		}
		for _, o := range s.Offers {
			all = append(all, fmt.Sprintf("%s offers %s %q %q", s.Source, o.Host, o.Reason, o.Entries))
		}
	}
	slices.Sort(all)
	return all
}

// wordsOf says the same of a model.
func wordsOf(m *model) []string {
	var all []string
	zone := func(name, of string, records []string) {
		accepted := ""
		if c, ok := m.zones.Conditions[of]; ok {
			accepted = fmt.Sprintf("%s=%s %s @%d: %s", c.Type, c.Status, c.Reason, c.ObservedGeneration, c.Message)
		}
		all = append(all, fmt.Sprintf("zone %q of %q %q %q", name, of, records, accepted))
	}
	told := make(map[string]bool)
	for _, z := range m.zones.Zones {
		var records []string
		for _, r := range z.Records {
			records = append(records, fmt.Sprintf("%s %d TYPE%d %s", r.Name, r.TTL, r.Type, r.Data))
		}
		zone(z.Zone.String()+" under "+z.EdgeZone.String(), z.Delegation, records)
		told[z.Delegation] = true
	}
	for of := range m.zones.Conditions {
		if !told[of] {
			zone("", of, nil)
		}
	}
	for _, s := range m.gslbs {
		for _, c := range s.output.Conditions {
			all = append(all, fmt.Sprintf("%s %s=%s %s @%d: %s", s.output.Source, c.Type, c.Status, c.Reason, c.ObservedGeneration, c.Message))
		}
		for _, o := range s.output.Offers {
			var entries []string
			for _, e := range o.Entries {
				at := "-"
				if e.Addr.IsValid() {
					at = e.Addr.String()
				}
				if e.Hostname != "" {
					at += " " + e.Hostname
				}
				entries = append(entries, fmt.Sprintf("%s: %s (%s), ask %s:%d%s sni=%q", at, e.Health, e.Reason, e.Ask.Scheme, e.Ask.Port, e.Ask.Path, e.Ask.SNI))
			}
			all = append(all, fmt.Sprintf("%s offers %s %q %q", o.Source, o.Host, o.Reason, entries))
		}
	}
	slices.Sort(all)
	return all
}

// notInFiles says which golden inputs mean something else in a folder, or cannot be in one,
// and why; docs/sources.md has a table of it.
func notInFiles() map[string]string {
	const (
		refused = "the rules of the API refuse it, as they do in TestBrokenFileKeepsItsLastGoodState"
		read    = "a file that is there is read"
		absent  = "a folder has every kind"
		written = "the Ingress of the Gslb's name is somebody's in any case, and is never written"
		gates   = "there is no gate that cannot be told: see TestReadinessGatesAreJudged"
	)
	return map[string]string{
		"bad-specs":                refused,
		"bad-strategies":           refused,
		"ref-bad-labels":           refused,
		"ref-kind-unsupported":     refused,
		"host-outside-zones":       refused,
		"zones":                    refused,
		"entries-no-address":       refused,
		"entries-inside-unread":    read,
		"node-class-empty":         "what a Service had is not kept: one without any pod listed says nothing",
		"slices-unreadable":        read,
		"service-unread":           read,
		"route-allowed-unread":     read,
		"grant-backend-absent":     absent,
		"route-kind-not-installed": absent,
		"embedded-foreign":         written,
		"embedded-handmade":        written,
		"embedded-karmada":         written,
		"gates-unknown":            gates,
		"gates-closed":             gates,
		"control-plane":            "files hand nothing on",
		"karmada-stale":            "what files say of other clusters counts",
		"records-endpoints":        "the folder is the operator's, who may state any record",
	}
}

// TestAFolderMeansWhatAnAPIServerMeans takes the golden inputs of package translate for
// manifests in a folder: zones, conditions and entries are those of the golden outputs.
func TestAFolderMeansWhatAnAPIServerMeans(t *testing.T) {
	inputs, err := filepath.Glob("../translate/testdata/*.in.yaml")
	require.NoError(t, err)
	require.Greater(t, len(inputs), 150)
	validator, err := validate.New()
	require.NoError(t, err)
	seen, differs := make(map[string]bool), notInFiles()
	for _, input := range inputs {
		name := strings.TrimSuffix(filepath.Base(input), ".in.yaml")
		seen[name] = true
		if differs[name] != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			in, err := os.ReadFile(input)
			require.NoError(t, err)
			out, err := os.ReadFile(strings.Replace(input, ".in.", ".out.", 1))
			require.NoError(t, err)
			var want goldenWant
			require.NoError(t, yaml.Unmarshal(out, &want))
			assert.Equal(t, want.words(), wordsOf(folderOf(t, validator, input, in)))
		})
	}
	for name := range differs {
		assert.True(t, seen[name], "there is no %s any more", name)
	}
}

// folderOf gives the model of a folder with the objects of a golden input.
func folderOf(t *testing.T, validator *validate.Validator, path string, data []byte) *model {
	t.Helper()
	var c goldenCase
	var manifests [][]byte
	for doc := range bytes.SplitSeq(data, []byte("\n---\n")) {
		if bytes.Contains(doc, []byte("kind: Case")) {
			require.NoError(t, yaml.Unmarshal(doc, &c))
			continue
		}
		manifests = append(manifests, doc)
	}
	book, err := hostnames.New(hostnames.Config[types.NamespacedName]{
		Known: func(name string) (addrs []netip.Addr) {
			for _, a := range c.Resolved[name] {
				addrs = append(addrs, netip.MustParseAddr(a))
			}
			return addrs
		},
		Asker: nobody{}, OnChange: func(string, []types.NamespacedName) {}, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	require.NoError(t, err)
	config := modelConfig{
		self: gslb.GeoTag(c.Self), names: c.Names, addrs: []netip.Addr{netip.MustParseAddr("192.0.2.53")}, allowLoopback: c.AllowLoopback,
		internal: c.InternalCIDRs, entries: c.EntryCIDRs, k8gb: true, book: book, holdEntries: holdEntries,
	}
	for _, text := range c.Zones {
		zone, edge, _ := strings.Cut(text, " ")
		config.zones = append(config.zones, gslb.ZoneIntent{Zone: gslb.MustName(zone), EdgeZone: gslb.MustName(edge), NegTTL: 30})
	}
	m := newModel(config)
	objects, problems := validator.Objects(t.Context(), path, bytes.Join(manifests, []byte("\n---\n")))
	require.Empty(t, problems)
	m.set("all.yaml", append(objects, gatesOf(objects, c.Gates)...), false)
	m.settle()
	for name := range m.gslbs {
		m.touch(name) // now names are wanted, and known
	}
	m.settle()
	return m
}

// gatesOf makes the objects of readiness gates that the head of a golden input tells of.
func gatesOf(objects []validate.Object, told map[string]bool) (all []validate.Object) {
	for _, o := range objects {
		g, ok := o.Value.(*gslbv1beta1.Gslb)
		if !ok {
			continue
		}
		for _, r := range g.Spec.ReadinessGates {
			is, known := told[translate.Gate{APIVersion: r.APIVersion, Kind: r.Kind, Namespace: g.Namespace, Name: r.Name, Condition: r.ConditionType}.String()]
			if !known {
				continue
			}
			condition := map[string]any{"type": r.ConditionType, "status": map[bool]string{true: "True", false: "False"}[is], "reason": "Told"}
			all = append(all, validate.Object{
				Kind: schema.FromAPIVersionAndKind(r.APIVersion, r.Kind), Namespace: g.Namespace, Name: r.Name,
				Status: map[string]any{"conditions": []any{condition}},
			})
		}
	}
	return all
}

// nobody is a resolver that is not asked here.
type nobody struct{}

func (nobody) Ask(context.Context, string) (hostnames.Answer, error) {
	return hostnames.Answer{}, errors.New("not asked")
}
