// SPDX-License-Identifier: Apache-2.0

package world

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

// Required is the value of MERIDIAN_TERRATEST that turns a missing playground, and
// a test that it cannot carry, into a failure.
const Required = "required"

// Config says where the playground is. FromEnv makes one.
type Config struct {
	Kubeconfig     string   // with a context ContextPrefix1, ContextPrefix2, … for each cluster
	ContextPrefix  string   // such as k3d-test-gslb
	EdgeDNS        string   // HOST:PORT
	ClustersDNS    []string // HOST:PORT of each cluster, in their order
	ClustersHTTP   []string // the same for HTTP
	GeoTags        []string // of the clusters, in their order
	Zone, EdgeZone string
	ProviderScript string // takes "stop CLUSTER" and "start CLUSTER"
	Helm, Chart    string // command, and folder of the chart
	AppImage       string // answers HTTP on port 9898 as podinfo does
	Required       bool
	Reports        []string // files for the times of the steps: NAME.json, NAME.md
}

// FromEnv reads the environment (os.Getenv); README.md lists the variables. All
// that is wrong is in the error.
func FromEnv(getenv func(string) string) (Config, error) {
	or := func(name, otherwise string) string {
		if v := strings.TrimSpace(getenv(name)); v != "" {
			return v
		}
		return otherwise
	}
	tags := list(or("GEO_TAGS", "eu us cz af ru ap uk ca"))
	host := or("HOST_IP", "127.0.0.1")
	var errs []error
	ports := func(name, first string) (out []string) {
		n, err := strconv.Atoi(or(name, first))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		for i := range tags {
			out = append(out, net.JoinHostPort(host, strconv.Itoa(n+i)))
		}
		return out
	}
	c := Config{
		Kubeconfig:     or("KUBECONFIG", filepath.Join("..", "bin", "playground", "kubeconfig")),
		ContextPrefix:  or("CONTEXT_PREFIX", "k3d-test-gslb"),
		EdgeDNS:        or("EDGE_DNS", net.JoinHostPort(host, or("EDGE_PORT", "1053"))),
		ClustersDNS:    ports("DNS_PORT", "5053"),
		ClustersHTTP:   ports("HTTP_PORT", "80"),
		GeoTags:        tags,
		Zone:           or("ZONE", "cloud.example.com"),
		EdgeZone:       or("EDGE_ZONE", "example.com"),
		ProviderScript: or("PROVIDER_SCRIPT", filepath.Join("..", "k3d", "provider", or("PROVIDER", "k3d")+".sh")),
		Helm:           or("HELM", "helm"),
		Chart:          or("CHART", filepath.Join("..", "chart", "meridian")),
		AppImage:       or("APP_IMAGE", "ghcr.io/stefanprodan/podinfo:6.9.2"),
		Reports:        list(getenv("TERRATEST_REPORT")),
	}
	if given := list(getenv("CLUSTERS_DNS")); len(given) > 0 {
		c.ClustersDNS = given
	}
	if given := list(getenv("CLUSTERS_HTTP")); len(given) > 0 {
		c.ClustersHTTP = given
	}
	switch mode := or("MERIDIAN_TERRATEST", ""); mode {
	case "":
	case Required:
		c.Required = true
	default:
		errs = append(errs, fmt.Errorf("MERIDIAN_TERRATEST is %q: leave it out, or set it to %q", mode, Required))
	}
	for _, addr := range append(append([]string{c.EdgeDNS}, c.ClustersDNS...), c.ClustersHTTP...) {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			errs = append(errs, fmt.Errorf("%q is no HOST:PORT: %w", addr, err))
		}
	}
	for _, file := range c.Reports {
		if ext := filepath.Ext(file); ext != ".json" && ext != ".md" {
			errs = append(errs, fmt.Errorf("TERRATEST_REPORT: %q should end in .json or .md", file))
		}
	}
	return c, errors.Join(errs...)
}

// list splits at commas and spaces.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
