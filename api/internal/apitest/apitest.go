// SPDX-License-Identifier: Apache-2.0

// Package apitest reads the samples of the API: good objects, bad ones beside the
// messages that an API server must give, and pairs of an object and its update. The
// same tables are run against package validate and against a real API server. Only
// tests use it.
package apitest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Case is one file of samples.
type Case struct {
	// Name is the file's name without its ending.
	Name string
	// File is its path, Data its bytes.
	File string
	Data []byte
	// Want are the messages that must be given, each from a line "# want: …" at the
	// beginning of the file; empty for a good sample.
	Want []Want
}

// Want is a message that must be given, written "path: message". Servers put the
// kind of the problem and the value between the two, each version a little
// differently.
type Want string

// In reports whether the message is in text.
func (w Want) In(text string) bool {
	path, message, found := strings.Cut(string(w), ": ")
	return found && strings.Contains(text, path+": ") && strings.Contains(text, message) ||
		!found && strings.Contains(text, string(w))
}

// Load reads the cases of a folder, of which there must be some.
func Load(t *testing.T, folder string) []Case {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "no samples in %s", folder)
	var cases []Case
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		c := Case{Name: strings.TrimSuffix(filepath.Base(file), ".yaml"), File: file, Data: data}
		for line := range strings.Lines(string(data)) {
			want, found := strings.CutPrefix(line, "# want: ")
			if !found {
				break
			}
			c.Want = append(c.Want, Want(strings.TrimSpace(want)))
		}
		cases = append(cases, c)
	}
	return cases
}

// Objects decodes the documents of the case, as a client does before it sends them.
func (c Case) Objects(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	for document := range bytes.SplitSeq(c.Data, []byte("\n---\n")) {
		bytes, err := yaml.YAMLToJSON(document)
		require.NoError(t, err, c.File)
		content := map[string]any{}
		require.NoError(t, json.UnmarshalCaseSensitivePreserveInts(bytes, &content), c.File)
		objects = append(objects, &unstructured.Unstructured{Object: content})
	}
	return objects
}
