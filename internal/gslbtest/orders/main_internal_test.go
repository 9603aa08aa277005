// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOverlayFitsGo(t *testing.T) {
	if !strings.HasPrefix(runtime.Version(), "go1.26") {
		t.Skipf("the overlay is of Go 1.26, this is %s: make sim says what to change", runtime.Version())
	}
	root, err := sources()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, write(root, dir))
	text, err := os.ReadFile(filepath.Join(dir, "overlay.json"))
	require.NoError(t, err)
	var overlay struct{ Replace map[string]string }
	require.NoError(t, json.Unmarshal(text, &overlay))
	assert.Len(t, overlay.Replace, len(changes()))
	for from, to := range overlay.Replace {
		assert.FileExists(t, from)
		_, err := parser.ParseFile(token.NewFileSet(), to, nil, 0)
		assert.NoError(t, err)
	}
}

func TestTextThatIsNotThereIsAnError(t *testing.T) {
	_, err := apply("a b b", []edit{{"a", "c"}, {"b", "d"}})
	assert.ErrorContains(t, err, `"b" stands there 2 times`)
	_, err = apply("a", []edit{{"x", "y"}})
	assert.ErrorContains(t, err, "0 times")
}
