// SPDX-License-Identifier: Apache-2.0

package validate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/api/internal/apitest"
	"github.com/meridian-gslb/meridian/api/validate"
)

const testdata = "../v1beta1/testdata/"

func newValidator(t *testing.T) *validate.Validator {
	t.Helper()
	v, err := validate.New()
	require.NoError(t, err)
	return v
}

// unchecked is what the server adds where a value of a wrong type or size kept it
// from looking at the CEL rules.
const unchecked = "some validation rules were not checked"

func TestBadObjectsGetTheServersMessages(t *testing.T) {
	v := newValidator(t)
	for _, c := range append(apitest.Load(t, testdata+"bad"), apitest.Load(t, testdata+"bad-other")...) {
		t.Run(c.Name, func(t *testing.T) {
			require.NotEmpty(t, c.Want, "a bad sample begins with # want: …")
			objects, problems := v.Objects(t.Context(), c.File, c.Data)
			assert.Empty(t, objects)
			given := make([]bool, len(c.Want))
			for _, p := range problems {
				text := p.Path + ": " + p.Message
				expected := strings.Contains(text, unchecked)
				for i, want := range c.Want {
					if want.In(text) {
						expected, given[i] = true, true
					}
				}
				assert.True(t, expected, "not expected: %s", text)
			}
			for i, want := range c.Want {
				assert.True(t, given[i], "not given: %s", want)
			}
		})
	}
}

func TestGoodObjectsAreAccepted(t *testing.T) {
	v := newValidator(t)
	for _, folder := range []string{testdata + "good", "../../docs/samples", "../k8gb/testdata"} {
		for _, c := range apitest.Load(t, folder) {
			t.Run(c.Name, func(t *testing.T) {
				objects, problems := v.Objects(t.Context(), c.File, c.Data)
				assert.Empty(t, problems)
				assert.Len(t, objects, len(c.Objects(t)))
				for _, object := range objects {
					assert.NotNil(t, object.Value, "%s is not read", object)
				}
			})
		}
	}
}

func TestUpdates(t *testing.T) {
	v := newValidator(t)
	for _, folder := range []string{"good-update", "bad-update"} {
		for _, c := range apitest.Load(t, testdata+folder) {
			t.Run(folder+"/"+c.Name, func(t *testing.T) {
				objects := c.Objects(t)
				require.Len(t, objects, 2, "an update is the object as it is and as it shall be")
				before, after := objects[0], objects[1]
				require.Empty(t, v.Create(t.Context(), before))
				before.SetResourceVersion("1")
				after.SetResourceVersion("1")
				errs := v.Update(t.Context(), after, before)
				require.Len(t, errs, len(c.Want))
				for i, want := range c.Want {
					assert.True(t, want.In(errs[i].Error()), "want %s, got %s", want, errs[i])
				}
			})
		}
	}
}
