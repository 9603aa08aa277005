// SPDX-License-Identifier: Apache-2.0

// Package k3d_test checks the playground without Docker: its manifests on a real
// API server, the configuration that k3d reads, BIND's, the scripts' text, and
// what they call in which order. That they work is seen by k3d/test-all.sh, which
// runs every target with PROVIDER=local.
package k3d_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// need gives the path of a program that a test cannot do without: it skips where the
// program is missing, and fails there if CI is set.
func need(t *testing.T, program, debianPackage string) string {
	t.Helper()
	for _, p := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed; on Debian: apt-get install %s", program, debianPackage)
	return ""
}

// run gives what a command printed, both streams apart.
func run(ctx context.Context, cmd []string, env ...string) (stdout, stderr string, err error) {
	c := exec.CommandContext(ctx, cmd[0], cmd[1:]...)
	c.Env = append(os.Environ(), env...)
	var out, complaints bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaints
	err = c.Run()
	return out.String(), complaints.String(), err
}

// manifests gives the YAML files below folders, sorted within each.
func manifests(t *testing.T, folders ...string) []string {
	t.Helper()
	var files []string
	for _, dir := range folders {
		found, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		require.NoError(t, err)
		require.NotEmpty(t, found, dir)
		files = append(files, found...)
	}
	return files
}

// documents decodes the objects of a YAML file.
func documents(t *testing.T, file string) []map[string]any {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var all []map[string]any
	for part := range strings.SplitSeq(string(text), "\n---\n") {
		var object map[string]any
		err := yaml.Unmarshal([]byte(part), &object)
		if errors.Is(err, io.EOF) || object == nil {
			continue
		}
		require.NoError(t, err, file)
		all = append(all, object)
	}
	return all
}

// field walks into an object; nil where the way ends.
func field(object any, path ...string) any {
	for _, p := range path {
		m, ok := object.(map[string]any)
		if !ok {
			return nil
		}
		object = m[p]
	}
	return object
}
