// SPDX-License-Identifier: Apache-2.0

package world_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/terratest/world"
)

func TestRecorderWritesTables(t *testing.T) {
	r := world.NewRecorder()
	assert.Empty(t, r.Markdown(), "nothing was run: no table")
	a := r.Begin("TestA")
	r.Add(a, world.Step{What: "first", Seconds: 0.5, Each: map[string]float64{"us": 0.5, "eu": 0.25}})
	r.Add(a, world.Step{What: "a | b", Seconds: 2, Failed: true, Note: "seen"})
	r.End(a, world.Failed, "")
	b := r.Begin("TestB")
	r.End(b, world.NotRun, "needs 3 clusters")
	want := `| test | step | seconds | |
|---|---|---:|---|
| TestA | first | 0.50 | eu 0.25, us 0.50 |
|  | a \| b | 2.00 | **failed**, seen |
|  | **failed** | | |
| TestB | not run: needs 3 clusters | | |
`
	assert.Equal(t, want, r.Markdown())

	dir := t.TempDir()
	md, js := filepath.Join(dir, "steps.md"), filepath.Join(dir, "steps.json")
	require.NoError(t, r.Write(md, js))
	written, err := os.ReadFile(md)
	require.NoError(t, err)
	assert.Equal(t, want, string(written))
	written, err = os.ReadFile(js)
	require.NoError(t, err)
	var back []world.Record
	require.NoError(t, json.Unmarshal(written, &back))
	assert.Equal(t, []world.Record{*a, *b}, back)
}
