// SPDX-License-Identifier: Apache-2.0

package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/api/validate"
	"github.com/meridian-gslb/meridian/controllers/files"
	"github.com/meridian-gslb/meridian/gslb"
)

// check gives the problems of the manifests, a file for each, as lines without the
// folder.
func check(t *testing.T, o files.CheckOptions, manifests ...string) []string {
	t.Helper()
	dir := t.TempDir()
	for i, text := range manifests {
		write(t, dir, string(rune('a'+i))+".yaml", text)
	}
	problems, err := files.Check(t.Context(), []string{dir}, o)
	require.NoError(t, err)
	var lines []string
	for _, p := range problems {
		lines = append(lines, strings.ReplaceAll(fmt.Sprint(p), dir+"/", ""))
	}
	return lines
}

func TestCheck(t *testing.T) {
	validator, err := validate.New()
	require.NoError(t, err)
	cloud := files.CheckOptions{Self: "eu", Validator: validator, Zones: []gslb.ZoneIntent{{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com")}}}
	app := gslbYAML("app.cloud.example.com")
	for _, c := range []struct {
		why       string
		options   files.CheckOptions
		manifests []string
		want      []string
	}{
		{"everything is there", cloud, []string{app, serviceYAML()}, nil},
		{"a Service may be in the cluster", cloud, []string{app},
			[]string{"a.yaml:7: warning: spec.ingress.rules[0].host: ServiceNotFound: host app.cloud.example.com: Service default/app does not exist in the files that were checked"}},
		{"no zone is known: hosts may be anywhere", files.CheckOptions{Validator: validator}, []string{gslbYAML("app.example.org"), serviceYAML()}, nil},
		{"a host outside the zones that are known", cloud, []string{gslbYAML("app.example.org"), serviceYAML()},
			[]string{"a.yaml:7: spec.ingress.rules[0].host: HostOutsideZones: host app.example.org lies in none of the zones (cloud.example.com)"}},
		{"a zone from a file", files.CheckOptions{Validator: validator}, []string{gslbYAML("app.example.org"), serviceYAML(),
			"apiVersion: gslb.meridian.dev/v1beta1\nkind: ZoneDelegation\nmetadata: {name: org}\nspec: {loadBalancedZone: example.org, parentZone: org}\n"}, nil},
		{"a ZoneDelegation of the zone that the flags give", cloud, []string{app, serviceYAML(), cloudYAML("cloud", "example.com")}, nil},
		{"one with another parent zone", cloud, []string{app, serviceYAML(), cloudYAML("cloud", "com")},
			[]string{"c.yaml:4: spec.loadBalancedZone: ZoneConflicted: zone cloud.example.com is served already, by the configuration, under example.com"}},
		{"two of them", cloud, []string{app, serviceYAML(), cloudYAML("a", "example.com") + "---\n" + cloudYAML("b", "example.com")},
			[]string{"c.yaml:9: spec.loadBalancedZone: ZoneConflicted: zone cloud.example.com is served already, by the configuration, and ZoneDelegation a tells of it"}},
		{"what an API server refuses", cloud, []string{strings.Replace(app, "type: roundRobin", "type: failover", 1), serviceYAML()},
			[]string{"a.yaml:11: spec.strategy: Invalid value: failover needs primaryGeoTag (one geo tag) or failoverOrder (geo tags, the first choice first)"}},
		{"an annotation", cloud, []string{"\n" + strings.Replace(ingressYAML("app"), "{name: app}", "{name: app, annotations: {k8gb.io/strategy: failover}}", 1), serviceYAML()},
			[]string{"a.yaml:4: metadata.annotations[k8gb.io/strategy]: failover needs primaryGeoTag (one geo tag) or failoverOrder (geo tags, the first choice first)"}},
		{"hostname-answers by annotation", cloud, []string{"\n" + strings.Replace(ingressYAML("app"), "{name: app}", "{name: app, annotations: {gslb.meridian.dev/strategy: roundRobin, gslb.meridian.dev/hostname-answers: cname}}", 1), serviceYAML()},
			[]string{`a.yaml:4: metadata.annotations[gslb.meridian.dev/hostname-answers]: "cname" is not Addresses or CNAME`}},
		{"a status that has nothing for clients", cloud, []string{strings.Replace(ingressYAML("app", "169.254.1.1"), "{name: app}", "{name: app, annotations: {gslb.meridian.dev/strategy: roundRobin}}", 1), serviceYAML()},
			[]string{"a.yaml:10: warning: status: EntryIgnored: Ingress default/app has no address that clients could connect to (169.254.1.1 is a link-local address); give entryAddresses where it never will, as far as the files that were checked say"}},
		{"two Gslbs for one host", cloud, []string{app + "---\n" + strings.Replace(app, "{name: app}", "{name: other}", 1), serviceYAML()},
			[]string{"a.yaml:19: warning: spec.ingress.rules[0].host: Conflicted: host app.cloud.example.com is asked for by Gslb default/app too; the one that was created first has it"}},
		{"one object twice", cloud, []string{app, app, serviceYAML()},
			[]string{"b.yaml:1: Gslb default/app is defined already in a.yaml:1, which counts; this one is ignored"}},
		{"what it refers to may be in the cluster", cloud, []string{"apiVersion: gslb.meridian.dev/v1beta1\nkind: Gslb\nmetadata: {name: r}\nspec:\n  resourceRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: r}\n  strategy: {type: geoip}\n"},
			[]string{"a.yaml:5: warning: spec.resourceRef: ResourceNotFound: there is no Ingress default/r in the files that were checked"}},
		{"of every kind", cloud, []string{"apiVersion: gslb.meridian.dev/v1beta1\nkind: Gslb\nmetadata: {name: r}\nspec:\n  resourceRef: {apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, name: r}\n  strategy: {type: geoip}\n"},
			[]string{"a.yaml:5: warning: spec.resourceRef: ResourceNotFound: there is no HTTPRoute default/r in the files that were checked"}},
		{"a reference that needs a grant", cloud, []string{"apiVersion: gslb.meridian.dev/v1beta1\nkind: Gslb\nmetadata: {name: r}\nspec:\n  resourceRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: r, namespace: web}\n  strategy: {type: geoip}\n"},
			[]string{"a.yaml:5: warning: spec.resourceRef: RefNotPermitted: no ReferenceGrant in namespace web lets kind Gslb of namespace default refer to Ingress web/r, as far as the files that were checked say"}},
		{"loopback entries", cloud, []string{strings.Replace(app, "  strategy", "  entryAddresses: [127.0.0.1]\n  strategy", 1), serviceYAML()},
			[]string{"a.yaml:11: spec.entryAddresses: InvalidSpec: 127.0.0.1 is a loopback address, which --allow-loopback-entries would permit; it is left out"}},
		{"records beside a host", cloud, []string{app + "---\n" + zoneYAML("{name: app, type: TXT, rdata: [x]}"), serviceYAML()}, nil},
		{"an address at a host, and a delegation above it", files.CheckOptions{Validator: validator}, []string{gslbYAML("a.sub.apps.example.org"), serviceYAML(),
			zoneYAML("{name: a.sub, type: A, rdata: [192.0.2.1]}", "{name: sub, type: NS, rdata: [ns.example.net]}", "{name: x, type: DS, rdata: [1 13 2 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855]}")},
			[]string{
				"c.yaml:8: spec.records[0]: RecordConflicted: a.sub.apps.example.org A: it is a balanced host, whose addresses are served",
				"c.yaml:9: spec.records[1]: RecordConflicted: sub.apps.example.org NS: the delegation would hide the balanced host a.sub.apps.example.org",
				"c.yaml:10: spec.records[2]: RecordConflicted: x.apps.example.org DS: DS stands beside the NS of a delegation, and there are none",
			}},
		{"data that are wrong", files.CheckOptions{Validator: validator}, []string{zoneYAML("{name: a, type: MX, rdata: [mail.example.net]}")},
			[]string{`a.yaml:8: spec.records[0]: InvalidSpec: "mail.example.net" is not data of type MX (bad MX Pref: "mail.example.net"): write preference and name, like 10 mail.example.com; the record is left out`}},
		{"a DNSEndpoint", cloud, []string{app + "---\n" + endpointYAML(`gslb.meridian.dev/serve: "true"`, "{dnsName: x.cloud.example.com, recordType: TXT, targets: [x]}", "{dnsName: app.cloud.example.com, recordType: AAAA, targets: [2001:db8::1]}", "{dnsName: x.example.org, recordType: TXT, targets: [x]}"), serviceYAML()},
			[]string{
				"a.yaml:19: spec.endpoints[1]: RecordConflicted: app.cloud.example.com AAAA: it is a balanced host, whose addresses are served",
				"a.yaml:20: spec.endpoints[2]: HostOutsideZones: x.example.org lies in none of the zones of this cluster (cloud.example.com); the record is left out",
			}},
		{"a DNSEndpoint whose label is another word", cloud, []string{endpointYAML(`gslb.meridian.dev/serve: "yes"`, "{dnsName: x.example.org, recordType: NONE}")},
			[]string{`a.yaml:3: warning: metadata.labels: label gslb.meridian.dev/serve is "yes": only with "true" are the records served`}},
		{"a DNSEndpoint that is ExternalDNS's alone", cloud, []string{endpointYAML("a: b", "{dnsName: x.example.org, recordType: NONE}")}, nil},
		{"other kinds are nobody's mistake", cloud, []string{"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n", "# nothing\n"}, nil},
	} {
		assert.Equal(t, c.want, check(t, c.options, c.manifests...), c.why)
	}
}

func cloudYAML(name, parent string) string {
	return "apiVersion: gslb.meridian.dev/v1beta1\nkind: ZoneDelegation\nmetadata: {name: " + name + "}\nspec: {loadBalancedZone: cloud.example.com, parentZone: " + parent + "}\n"
}

func zoneYAML(records ...string) string {
	return "apiVersion: gslb.meridian.dev/v1beta1\nkind: ZoneDelegation\nmetadata: {name: org}\nspec:\n  loadBalancedZone: apps.example.org\n  parentZone: example.org\n  records:\n  - " + strings.Join(records, "\n  - ") + "\n"
}

func endpointYAML(label string, endpoints ...string) string {
	return "apiVersion: externaldns.k8s.io/v1alpha1\nkind: DNSEndpoint\nmetadata: {name: records, labels: {" + label + "}}\nspec:\n  endpoints:\n  - " + strings.Join(endpoints, "\n  - ") + "\n"
}

func TestCheckReadsFilesOfAnyNameAndSaysWhichIsMissing(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "manifest", "a: [\n")
	problems, err := files.Check(t.Context(), []string{filepath.Join(dir, "manifest")}, files.CheckOptions{})
	require.NoError(t, err)
	require.Len(t, problems, 1)
	assert.True(t, files.HasErrors(problems))

	_, err = files.Check(t.Context(), []string{filepath.Join(dir, "nowhere.yaml")}, files.CheckOptions{})
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.ErrorContains(t, err, "nowhere.yaml")
}

// TestWhatTheAPITakesIsTaken holds the rules of translate against those of the CRDs:
// every good object of the API, each checked alone, has no error here either.
func TestWhatTheAPITakesIsTaken(t *testing.T) {
	good, err := filepath.Glob("../../api/v1beta1/testdata/good/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, good)
	validator, err := validate.New()
	require.NoError(t, err)
	for _, file := range good {
		problems, err := files.Check(t.Context(), []string{file}, files.CheckOptions{Self: "eu", AllowLoopback: true, Validator: validator})
		require.NoError(t, err)
		for _, p := range problems {
			assert.Equal(t, files.Warning, p.Severity, p.String())
		}
	}
}

func TestSamplesAreFine(t *testing.T) {
	problems, err := files.Check(t.Context(), []string{"../../docs/samples"}, files.CheckOptions{Self: "eu", Zones: []gslb.ZoneIntent{
		{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com")}, // of --zone, beside the sample's
	}})
	require.NoError(t, err)
	for _, p := range problems {
		assert.Equal(t, files.Warning, p.Severity, p.String())
	}
}
