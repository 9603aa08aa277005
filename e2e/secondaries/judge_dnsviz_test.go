// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package secondaries_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// DNSViz asks servers as a judge of delegations does: consistency of parent and
// child, EDNS with all its corners, cookies, TCP, negative answers.
func TestDNSVizFindsNothing(t *testing.T) {
	dnsviz, err := exec.LookPath("dnsviz")
	if err != nil {
		t.Skip("dnsviz is not installed; on Debian: apt-get install dnsviz")
	}
	smallInternet(t)
	probe := filepath.Join(t.TempDir(), "probe.json")
	cmd := exec.CommandContext(t.Context(), dnsviz, "probe", "-A", "-4", "-E", "-n", "-x", ".:root.test="+rootServer.Addr().String(), "-o", probe,
		"cloud.example.com", "app.cloud.example.com", "alias.cloud.example.com", "absent.cloud.example.com", "leaf.below.cloud.example.com")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	cmd = exec.CommandContext(t.Context(), dnsviz, "grok", "-P", "-c", "-r", probe)
	out, err = cmd.Output()
	require.NoError(t, err)
	var analysis map[string]any
	require.NoError(t, json.Unmarshal(out, &analysis))
	require.Contains(t, analysis, "cloud.example.com.")
	require.Contains(t, analysis, "below.cloud.example.com.")
	found, objects := findings("", analysis)
	assert.Empty(t, found)
	assert.Greater(t, objects, 100, "there is something to find faults with")
}

// findings gives what an analysis calls an error or a warning, with the way to
// it, and how many objects were looked through.
func findings(path string, v any) (found []string, objects int) {
	switch v := v.(type) {
	case map[string]any:
		objects++
		for k, below := range v {
			if k == "errors" || k == "warnings" {
				found = append(found, fmt.Sprintf("%s/%s: %v", path, k, below))
				continue
			}
			f, n := findings(path+"/"+k, below)
			found, objects = append(found, f...), objects+n
		}
	case []any:
		for _, below := range v {
			f, n := findings(path, below)
			found, objects = append(found, f...), objects+n
		}
	}
	return found, objects
}
