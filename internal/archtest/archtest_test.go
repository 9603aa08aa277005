// SPDX-License-Identifier: Apache-2.0

// Package archtest holds the direction of imports: which package may know
// which. A failure prints why.
package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/meridian-gslb/meridian/"

// rule says what a package may import beside the standard library: packages of
// ours by path, and modules outside by prefix. "/…" at the end of a path takes in
// the packages below.
type rule struct {
	pkg     string
	own     []string
	outside []string
	reason  string
}

const (
	dnsLib  = "github.com/miekg/dns"
	promLib = "github.com/prometheus/"
	k8sLibs = "k8s.io/"
	sigLibs = "sigs.k8s.io/"
)

var rules = []rule{
	{"gslb", nil, nil, "the model is replayed in tests, explain and the simulator: it knows no library, no wire and no API"},
	{"strategies", []string{"gslb"}, nil, "strategies stay pure so that a decision can be replayed in explain"},
	{"healthcheck/…", []string{"gslb", "healthcheck/…"}, []string{promLib}, "probes say up or down and do not know who uses it"},
	{"peers/…", []string{"gslb", "peers/…", "internal/tsig", "internal/tsigkey", "dnsserver/rdata"}, []string{dnsLib, promLib}, "the exchange carries reports and does not know what is made of them; records in them are judged as everywhere"},
	{"dnsserver/rdata", nil, []string{dnsLib}, "the data of records is read without knowing where it stands"},
	{"dnsserver/update", []string{"gslb", "dnsserver/rdata", "internal/dnsupdate", "internal/tsig", "internal/tsigkey"}, []string{dnsLib, promLib}, "updates are judged by what is served, wherever that comes from and whatever keeps them"},
	{"controllers/challenges", []string{"gslb", "dnsserver/rdata", "internal/state"}, []string{k8sLibs}, "what updates leave is kept; who may change it is decided elsewhere"},
	{"dnsserver/answers", []string{"gslb", "strategies", "dnsserver/rdata"}, []string{dnsLib}, "the table is built and looked up without a socket"},
	{"dnsserver/zoneout", []string{"gslb", "dnsserver/answers", "internal/tsig", "internal/tsigkey"}, []string{dnsLib, promLib}, "zones are handed out from tables, and whoever wires it knows the sockets"},
	{"dnsserver", []string{"dnsserver/answers"}, []string{dnsLib, promLib, "golang.org/x/", "github.com/dchest/siphash"}, "sockets read one table and know neither Store nor Kubernetes"},
	{"dnsserver/dnstest", []string{"gslb", "dnsserver", "dnsserver/answers", "dnsserver/rdata"}, []string{dnsLib, "github.com/stretchr/testify"}, "helpers for DNS tests"},
	{"edge", []string{"gslb"}, []string{promLib}, "the plan of a delegation is apart from the way it is published"},
	{"edge/delegation", []string{"gslb", "edge"}, []string{dnsLib, promLib}, "delegations are checked as a resolver would, whoever writes them"},
	{"edge/rfc2136", []string{"gslb", "edge", "internal/tsigkey"}, []string{dnsLib, promLib}, "one way to publish"},
	{"edge/server", []string{"internal/tsigkey", "internal/tsig", "internal/dnsupdate"}, []string{dnsLib, promLib}, "the lab's edge server is a plain DNS server and knows nothing of GSLB"},
	{"api/v1beta1", nil, []string{k8sLibs, sigLibs}, "API types are read by everybody's clients"},
	{"api/k8gb", []string{"api/v1beta1"}, []string{k8sLibs, sigLibs}, "kinds of others, and what they mean in our words"},
	{"api/k8gb/absa", []string{"api/v1beta1", "api/k8gb"}, []string{k8sLibs, sigLibs}, "kinds of others, and what they mean in our words"},
	{"api/dnsendpoint", nil, []string{k8sLibs}, "a kind of others, as it is read"},
	{"api/gke", nil, []string{k8sLibs}, "kinds of others, as they are read"},
	{"api/istio", nil, []string{k8sLibs}, "kinds of others, as they are read"},
	{"api/smi", nil, []string{k8sLibs}, "kinds of others, as they are read"},
	{"api/validate", []string{"api/v1beta1", "api/gke", "api/istio", "api/smi", "api/dnsendpoint", "api/k8gb", "api/k8gb/absa"}, []string{k8sLibs, sigLibs, "go.yaml.in/yaml", "github.com/google/"}, "offline validation needs the schema and nothing that runs"},
	{"controllers/translate", []string{"gslb", "api/v1beta1", "api/k8gb", "api/k8gb/absa", "api/dnsendpoint", "controllers/refs", "dnsserver/rdata"}, []string{"k8s.io/api/", "k8s.io/apimachinery/"}, "translate is pure: objects in, values out; no client, no cache; record data are judged by who serves them"},
	{"controllers/leaving", []string{"gslb", "controllers/refs", "controllers/translate"}, []string{"k8s.io/apimachinery/"}, "what left stays or not, wherever objects are read from; no client, no cache"},
	{"controllers/externaldns", []string{"gslb", "edge", "api/v1beta1"}, []string{k8sLibs, sigLibs}, "DNSEndpoints hold what the edge decides"},
	{"controllers/refs", []string{"gslb", "api/v1beta1", "api/gke", "api/istio", "api/smi"}, []string{"k8s.io/api/", "k8s.io/apimachinery/", "sigs.k8s.io/gateway-api/apis/", "sigs.k8s.io/mcs-api/pkg/apis/"}, "a reference is resolved from objects at hand"},
	{"config", []string{"gslb", "internal/tsigkey"}, []string{"github.com/spf13/pflag", "sigs.k8s.io/yaml", "go.yaml.in/yaml"}, "configuration is read before anything runs"},
	{"internal/hostnames", []string{"gslb"}, []string{dnsLib, promLib}, "names are resolved whoever needs them"},
	{"internal/k8gbtest", []string{"gslb"}, []string{dnsLib}, "the stand-in for k8gb shares nothing with what is tested"},
	{"internal/tsig", []string{"internal/tsigkey"}, []string{dnsLib}, "messages are signed and verified whatever they say"},
	{"internal/dnsupdate", nil, []string{dnsLib}, "updates are judged whatever holds the zone"},
	{"internal/tsigkey", nil, []string{dnsLib}, "keys sign; what is signed is not their business"},
}

// homes says which packages may know a library at all.
var homes = []rule{
	{pkg: k8sLibs, own: []string{"api/…", "controllers/…", "cmd/…", "terratest/…", "internal/kplane/…", "e2e/…"}, reason: "Kubernetes is at home in api, controllers and cmd"},
	{pkg: dnsLib, own: []string{"internal/lab", "hack/demo", "hack/benchdns", "dnsserver/…", "edge/delegation", "edge/rfc2136", "edge/server", "peers/…", "internal/tsigkey", "internal/tsig", "internal/dnsupdate", "internal/hostnames", "internal/bindtest", "internal/authtest", "internal/k8gbtest", "internal/gslbtest", "cmd/…", "e2e/…"}, reason: "the DNS library stays behind few packages, so that a move to its next version touches few files"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Standard", module+"...")
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var all []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, p)
	}
}

// matches reports that path is covered by a pattern of a rule.
func matches(pattern, path string) bool {
	base, below := strings.CutSuffix(pattern, "/…")
	return path == base || below && strings.HasPrefix(path, base+"/")
}

func TestImportsPointOneWay(t *testing.T) {
	all := packages(t)
	for _, r := range rules {
		seen := false
		for _, p := range all {
			path := strings.TrimPrefix(p.ImportPath, module)
			if !matches(r.pkg, path) {
				continue
			}
			seen = true
			for _, imp := range p.Imports {
				assert.Truef(t, allowed(r, imp), "%s imports %s: %s", path, imp, r.reason)
			}
		}
		assert.Truef(t, seen, "no package %s: the rule is out of date", r.pkg)
	}
}

func allowed(r rule, imp string) bool {
	if own, ok := strings.CutPrefix(imp, module); ok {
		return slices.ContainsFunc(r.own, func(p string) bool { return matches(p, own) })
	}
	first, _, _ := strings.Cut(imp, "/")
	if !strings.Contains(first, ".") {
		return true
	}
	return slices.ContainsFunc(r.outside, func(p string) bool { return strings.HasPrefix(imp, p) })
}

func TestLibrariesStayAtHome(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		for _, h := range homes {
			home := slices.ContainsFunc(h.own, func(o string) bool { return matches(o, path) })
			for _, imp := range p.Imports {
				assert.Falsef(t, strings.HasPrefix(imp, h.pkg) && !home, "%s imports %s: %s", path, imp, h.reason)
			}
		}
	}
}

// TestSleepingTestsUseVirtualTime: a test may let time pass only in a
// testing/synctest bubble.
func TestSleepingTestsUseVirtualTime(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "*_test.go")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	require.NoError(t, err)
	for _, f := range strings.Fields(string(out)) {
		b, err := os.ReadFile("../../" + f)
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, not committed
		}
		require.NoError(t, err)
		if strings.Contains(string(b), "time."+"Sleep(") {
			assert.Containsf(t, string(b), `"testing/synctest"`, "%s sleeps in real time: wait for what happens", f)
		}
	}
}
