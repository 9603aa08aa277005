// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/controllers/translate"
)

// TestConditionOfAnyObject: a gate is open only where the condition that it names is True.
func TestConditionOfAnyObject(t *testing.T) {
	for _, c := range []struct{ why, status, want string }{
		{"it is True", "{conditions: [{type: Ready, status: \"True\"}]}", ""},
		{"it is False", "{conditions: [{type: Ready, status: \"False\", reason: Told}]}", "it is False (Told)"},
		{"Unknown is not True", "{conditions: [{type: Ready, status: Unknown, reason: Told}]}", "it is Unknown (Told)"},
		{"another one is True", "{conditions: [{type: Other, status: \"True\"}, {type: Ready, status: \"False\", reason: Told}]}", "it is False (Told)"},
		{"another one is False", "{conditions: [{type: Other, status: \"False\"}, {type: Ready, status: \"True\"}]}", ""},
		{"another one alone", "{conditions: [{type: Other, status: \"True\"}]}", "the object has no such condition"},
		{"not as text", "{conditions: [{type: Ready, status: true, reason: Told}]}", "it is true (Told)"},
		{"not in the form of Kubernetes", "{conditions: [Ready]}", "the object has no such condition"},
		{"no status", "{}", "the object has no such condition"},
	} {
		obj := &unstructured.Unstructured{}
		require.NoError(t, yaml.Unmarshal([]byte("{apiVersion: v1, kind: Thing, status: "+c.status+"}"), &obj.Object), c.why)
		assert.Equal(t, translate.GateState{Known: true, True: c.want == "", Why: c.want}, conditionOf(obj, "Ready"), c.why)
	}
}
