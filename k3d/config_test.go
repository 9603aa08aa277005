// SPDX-License-Identifier: Apache-2.0

package k3d_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// simple is what we use of the configuration file of k3d v5, apiVersion k3d.io/v1alpha5,
// kind Simple, as its documentation writes it. Decoding is strict: a key that is not
// here is a mistake, or has to be looked up and added.
type simple struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name string `yaml:"name"`
	} `yaml:"metadata"`
	Image   string `yaml:"image"`
	Servers int    `yaml:"servers"`
	Agents  int    `yaml:"agents"`
	Network string `yaml:"network"`
	KubeAPI struct {
		HostIP string `yaml:"hostIP"`
	} `yaml:"kubeAPI"`
	Ports []struct {
		Port        string   `yaml:"port"`
		NodeFilters []string `yaml:"nodeFilters"`
	} `yaml:"ports"`
	Options struct {
		K3d struct {
			Wait                bool   `yaml:"wait"`
			Timeout             string `yaml:"timeout"`
			DisableLoadbalancer bool   `yaml:"disableLoadbalancer"`
		} `yaml:"k3d"`
		K3s struct {
			ExtraArgs []struct {
				Arg         string   `yaml:"arg"`
				NodeFilters []string `yaml:"nodeFilters"`
			} `yaml:"extraArgs"`
		} `yaml:"k3s"`
		Kubeconfig struct {
			UpdateDefaultKubeconfig bool `yaml:"updateDefaultKubeconfig"`
			SwitchCurrentContext    bool `yaml:"switchCurrentContext"`
		} `yaml:"kubeconfig"`
	} `yaml:"options"`
}

func readConfig(t *testing.T, file string) simple {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "$", "a variable is left over")
	var config simple
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&config), file)
	return config
}

// The forms of a published port and of a node filter with a position.
var (
	portForm   = regexp.MustCompile(`^127\.0\.0\.1:(\d+):(\d+)/(tcp|udp)$`)
	filterForm = regexp.MustCompile(`^(server|agent):(0|\*)(:direct)?$`)
)

// The configurations that k3d gets for three clusters: a node for every filter, no
// port twice, and the ports that people know by heart.
func TestConfigurationOfK3d(t *testing.T) {
	t.Parallel()
	p := newPlayground(t, "k3d")
	p.make("create-local-clusters", "CLUSTERS_NUMBER=3")
	taken := map[string]string{} // port of this machine → cluster and what it leads to
	for _, name := range []string{"edgedns", "test-gslb1", "test-gslb2", "test-gslb3"} {
		c := readConfig(t, filepath.Join(p.dir, "k3d", name+".yaml"))
		assert.Equal(t, "k3d.io/v1alpha5 Simple", c.APIVersion+" "+c.Kind)
		assert.Equal(t, name, c.Metadata.Name)
		assert.Equal(t, "meridian-playground", c.Network, "one Docker network for all, or they cannot reach each other")
		assert.Regexp(t, `^docker\.io/rancher/k3s:v1\.\d+\.\d+-k3s\d+$`, c.Image)
		for _, port := range c.Ports {
			m := portForm.FindStringSubmatch(port.Port)
			require.NotNil(t, m, port.Port)
			key := m[1] + "/" + m[3]
			assert.NotContains(t, taken, key, "two clusters want it")
			taken[key] = name + ":" + m[2]
			require.Len(t, port.NodeFilters, 1)
			hasNode(t, c, port.NodeFilters[0])
			assert.True(t, strings.HasSuffix(port.NodeFilters[0], ":direct"), "there is no load balancer to go through")
		}
		assert.True(t, c.Options.K3d.DisableLoadbalancer)
		for _, arg := range c.Options.K3s.ExtraArgs {
			assert.NotContains(t, arg.Arg, "servicelb", "it gives Services of type LoadBalancer their addresses")
			for _, filter := range arg.NodeFilters {
				hasNode(t, c, filter)
			}
		}
		assert.False(t, c.Options.Kubeconfig.SwitchCurrentContext, "nobody's current context is changed")
	}
	want := map[string]string{"1053/udp": "edgedns:30053", "1053/tcp": "edgedns:30053"}
	for i := range 3 {
		name := fmt.Sprintf("test-gslb%d", i+1)
		want[fmt.Sprintf("%d/udp", 5053+i)] = name + ":30053"
		want[fmt.Sprintf("%d/tcp", 5053+i)] = name + ":30053"
		want[fmt.Sprintf("%d/tcp", 80+i)] = name + ":80"
		want[fmt.Sprintf("%d/tcp", 443+i)] = name + ":443"
		want[fmt.Sprintf("%d/tcp", 9080+i)] = name + ":30090"
	}
	assert.Equal(t, want, taken)
}

// hasNode fails the test where a filter selects no node: k3d refuses such a file.
func hasNode(t *testing.T, c simple, filter string) {
	t.Helper()
	m := filterForm.FindStringSubmatch(filter)
	require.NotNil(t, m, filter)
	count := c.Servers
	if m[1] == "agent" {
		count = c.Agents
	}
	assert.Positive(t, count, "%s: there is no %s", filter, m[1])
}

// The node ports behind the published ports are those of the Services.
func TestPublishedPortsLeadToServices(t *testing.T) {
	t.Parallel()
	nodePorts := map[string]any{}
	for _, f := range manifests(t, "edge", "prometheus") {
		for _, object := range documents(t, f) {
			if object["kind"] != "Service" {
				continue
			}
			ports, _ := field(object, "spec", "ports").([]any)
			for _, port := range ports {
				nodePorts[fmt.Sprint(field(object, "metadata", "name"))] = field(port, "nodePort")
			}
		}
	}
	values := documents(t, "values.yaml")[0]
	assert.EqualValues(t, 30053, nodePorts["bind"])
	assert.EqualValues(t, 30090, nodePorts["prometheus"])
	assert.EqualValues(t, 30053, field(values, "service", "nodePort"))
}
