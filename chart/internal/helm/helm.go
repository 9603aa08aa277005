// SPDX-License-Identifier: Apache-2.0

// Package helm renders the Helm chart of Meridian with Helm's own library, and acts on
// clusters with it as the helm command does. The generator of the kustomize base and the
// tests of the chart use it; it is no part of the product.
package helm

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/kube"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	"sigs.k8s.io/yaml"
)

// Values are values of a chart, as YAML decodes them.
type Values = map[string]any

// Dir gives the folder of the module that holds the chart.
func Dir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// ChartDir gives the folder of the chart.
func ChartDir() string { return filepath.Join(Dir(), "meridian") }

// Load reads the chart of a folder anew: actions change the one they are given.
func Load(dir string) (*chartv2.Chart, error) { return loader.Load(dir) }

// ReadValues reads a file of values.
func ReadValues(path string) (Values, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values := Values{}
	if err := yaml.UnmarshalStrict(raw, &values); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return values, nil
}

// KubeVersion is the version of Kubernetes that Template renders for: that of the test
// clusters.
const KubeVersion = "v1.36.3"

// Template renders the chart without a cluster, as `helm template NAME -n NAMESPACE`
// does, and gives the release: its manifest, hooks and notes. kinds are those that a
// cluster has beside Kubernetes' own, as GROUP/VERSION/KIND.
func Template(name, namespace string, values Values, kinds ...string) (*releasev1.Release, error) {
	chart, err := Load(ChartDir())
	if err != nil {
		return nil, err
	}
	install := action.NewInstall(action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler)))
	install.DryRunStrategy = action.DryRunClient
	install.ReleaseName, install.Namespace, install.Replace = name, namespace, true
	if install.KubeVersion, err = common.ParseKubeVersion(KubeVersion); err != nil {
		return nil, err
	}
	install.APIVersions = kinds
	return released(install.Run(chart, values))
}

// Manifest is everything that a release puts into a cluster, its hooks at the end.
func Manifest(r *releasev1.Release) string {
	var b strings.Builder
	b.WriteString(strings.TrimSpace(r.Manifest) + "\n")
	for _, h := range r.Hooks {
		fmt.Fprintf(&b, "---\n# Source: %s\n%s\n", h.Path, strings.TrimSpace(h.Manifest))
	}
	return b.String()
}

// Client acts on one namespace of one cluster.
type Client struct {
	namespace string
	config    *action.Configuration
}

// NewClient gives a client for the current context of a kubeconfig. What Helm logs goes
// to log.
func NewClient(kubeconfig, namespace string, log io.Writer) (*Client, error) {
	settings := cli.New()
	settings.KubeConfig = kubeconfig
	settings.SetNamespace(namespace)
	handler := slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})
	config := action.NewConfiguration(action.ConfigurationSetLogger(handler))
	if err := config.Init(settings.RESTClientGetter(), namespace, "secret"); err != nil {
		return nil, err
	}
	return &Client{namespace, config}, nil
}

// Timeout bounds each action.
const Timeout = time.Minute

// Install installs a release, or with dry asks the API server whether it could. It waits
// for hooks only.
func (c *Client) Install(ctx context.Context, name string, chart *chartv2.Chart, values Values, dry bool) (*releasev1.Release, error) {
	install := action.NewInstall(c.config)
	install.ReleaseName, install.Namespace = name, c.namespace
	install.WaitStrategy, install.Timeout = kube.HookOnlyStrategy, Timeout
	if dry {
		install.DryRunStrategy = action.DryRunServer
	}
	return released(install.RunWithContext(ctx, chart, values))
}

// Upgrade upgrades a release. It waits for hooks only.
func (c *Client) Upgrade(ctx context.Context, name string, chart *chartv2.Chart, values Values) (*releasev1.Release, error) {
	upgrade := action.NewUpgrade(c.config)
	upgrade.Namespace = c.namespace
	upgrade.WaitStrategy, upgrade.Timeout = kube.HookOnlyStrategy, Timeout
	return released(upgrade.RunWithContext(ctx, name, chart, values))
}

// Test runs the hooks of `helm test`.
func (c *Client) Test(name string) (*releasev1.Release, error) {
	test := action.NewReleaseTesting(c.config)
	test.Namespace, test.Timeout = c.namespace, Timeout
	rel, shutdown, err := test.Run(name)
	if err == nil {
		err = shutdown()
	}
	return released(rel, err)
}

// Uninstall removes a release and waits until its objects are gone; it gives what Helm
// says of those that it keeps.
func (c *Client) Uninstall(name string) (string, error) {
	uninstall := action.NewUninstall(c.config)
	uninstall.WaitStrategy, uninstall.Timeout = kube.StatusWatcherStrategy, Timeout
	response, err := uninstall.Run(name)
	if err != nil {
		return "", err
	}
	return response.Info, nil
}

// released gives the release in the only version that there is.
func released(r any, err error) (*releasev1.Release, error) {
	if err != nil {
		return nil, err
	}
	rel, ok := r.(*releasev1.Release)
	if !ok {
		return nil, fmt.Errorf("helm gave a release of an unknown kind: %T", r)
	}
	return rel, nil
}
