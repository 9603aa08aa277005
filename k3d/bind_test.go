// SPDX-License-Identifier: Apache-2.0

package k3d_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// BIND takes its configuration and its zones, with the key file as the playground
// writes it.
func TestConfigurationOfBIND(t *testing.T) {
	t.Parallel()
	checkconf := need(t, "named-checkconf", "bind9-utils")
	conf := layOutBIND(t, nil)
	out, complaints, err := run(t.Context(), []string{checkconf, "-z", conf})
	require.NoError(t, err, out+complaints)
	assert.Empty(t, complaints)
	assert.Contains(t, out, "zone example.com/IN: loaded serial 1")
	assert.Contains(t, out, "zone ./IN: loaded serial 1")
	assert.NotContains(t, out, "deprecated", "the next BIND refuses it")
}

// A mistake is found, so the test above can fail.
func TestAWrongConfigurationOfBINDIsRefused(t *testing.T) {
	t.Parallel()
	checkconf := need(t, "named-checkconf", "bind9-utils")
	conf := layOutBIND(t, strings.NewReplacer("zonesub", "zonesup"))
	_, _, err := run(t.Context(), []string{checkconf, "-z", conf})
	assert.Error(t, err)
}

// layOutBIND writes what the Pod mounts, with the paths of a folder of the test, and
// gives the path of named.conf.
func layOutBIND(t *testing.T, change *strings.Replacer) string {
	t.Helper()
	dir := t.TempDir()
	paths := strings.NewReplacer("/etc/bind/zones/", dir+"/", "/etc/bind/keys/", dir+"/", "/var/lib/bind", dir)
	for _, object := range documents(t, "edge/bind.yaml") {
		if object["kind"] != "ConfigMap" {
			continue
		}
		data, _ := object["data"].(map[string]any)
		for name, text := range data {
			s := paths.Replace(text.(string))
			if change != nil {
				s = change.Replace(s)
			}
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(s), 0o600))
		}
	}
	p := newPlayground(t, "k3d")
	p.make("create-local-clusters")
	for _, c := range p.make("deploy-edge") {
		if _, key, ok := strings.Cut(c, "--from-literal=externaldns-key.conf="); ok {
			key, _, _ = strings.Cut(key, " --dry-run")
			require.NoError(t, os.WriteFile(filepath.Join(dir, "externaldns-key.conf"), []byte(key), 0o600))
		}
	}
	return filepath.Join(dir, "named.conf")
}
