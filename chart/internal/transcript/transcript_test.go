// SPDX-License-Identifier: Apache-2.0

package transcript_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/chart/internal/transcript"
)

const page = "Words.\n\n" +
	"```yaml\n# a.yaml\nkey: value\n```\n" +
	"```yaml\nshown: only\n```\n" +
	"```console\n$ first -x\none   two\nthree … four\n$ second\n```\n" +
	"```sh\nnot run\n```\n"

func TestParse(t *testing.T) {
	steps, err := transcript.Parse(page)
	require.NoError(t, err)
	assert.Equal(t, []transcript.Step{
		{Line: 4, File: "a.yaml", Content: "# a.yaml\nkey: value\n"},
		{Line: 11, Command: "first -x", Output: []string{"one   two", "three … four"}},
		{Line: 14, Command: "second"},
	}, steps)

	_, err = transcript.Parse("```console\nout\n```")
	require.ErrorContains(t, err, "line 2: output without a command")
	_, err = transcript.Parse("a\n```console\n$ x\n")
	require.ErrorContains(t, err, "line 2: the block has no end")
}

func TestMissing(t *testing.T) {
	steps, err := transcript.Parse(page)
	require.NoError(t, err)
	for output, want := range map[string]string{
		"one two\nthree and a half four":            "",
		"more\n  one\ttwo\nbetween\nthree x four\n": "",
		"three x four\none two":                     "three … four",
		"one two three":                             "one   two",
		"":                                          "one   two",
		"one two\nthree x four five":                "three … four",
	} {
		assert.Equal(t, want, steps[1].Missing(output), "%q", strings.ReplaceAll(output, "\n", "|"))
	}
	assert.Empty(t, steps[2].Missing("whatever"))
}
