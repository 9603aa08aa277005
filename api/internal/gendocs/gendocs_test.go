// SPDX-License-Identifier: Apache-2.0

package gendocs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/api/internal/gendocs"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/api/validate"
)

const root = "../../../"

func TestPagesAreCurrent(t *testing.T) {
	for page, file := range gendocs.Pages() {
		t.Run(page, func(t *testing.T) {
			definition, err := gslbv1beta1.CRDs.ReadFile(file)
			require.NoError(t, err)
			text, err := os.ReadFile(root + page)
			require.NoError(t, err)
			filled, err := gendocs.Fill(string(text), definition)
			require.NoError(t, err)
			assert.Equal(t, filled, string(text), "run: make generate")
		})
	}
}

func TestAPageWithoutMarksIsRefused(t *testing.T) {
	definition, err := gslbv1beta1.CRDs.ReadFile(gslbv1beta1.GslbCRDFile)
	require.NoError(t, err)
	_, err = gendocs.Fill("# Gslb\n", definition)
	require.ErrorContains(t, err, "lacks the marks")
	_, err = gendocs.Fill("", []byte("kind: [\n"))
	require.ErrorContains(t, err, "reading the definition")
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// Blocks that hold whole objects are good objects; parts of objects are left out.
func TestExamplesOnThePagesAreValid(t *testing.T) {
	v, err := validate.New()
	require.NoError(t, err)
	checked := 0
	for page := range gendocs.Pages() {
		text, err := os.ReadFile(root + page)
		require.NoError(t, err)
		for _, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
			if !strings.HasPrefix(block[1], "apiVersion:") {
				continue
			}
			_, problems := v.Objects(t.Context(), page, []byte(block[1]))
			assert.Empty(t, problems)
			checked++
		}
	}
	assert.GreaterOrEqual(t, checked, len(gendocs.Pages()), "each page has an example")
}

// Reasons are part of the interface: each is explained on one of the pages.
func TestEveryReasonIsExplained(t *testing.T) {
	source, err := os.ReadFile("../../v1beta1/conditions.go")
	require.NoError(t, err)
	var pages strings.Builder
	for page := range gendocs.Pages() {
		text, err := os.ReadFile(root + page)
		require.NoError(t, err)
		pages.Write(text)
	}
	reasons := regexp.MustCompile(`Reason\w+ += "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	require.Greater(t, len(reasons), 20)
	for _, reason := range reasons {
		assert.Contains(t, pages.String(), "`"+reason[1]+"`")
	}
}
