// SPDX-License-Identifier: Apache-2.0

package files_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/controllers/files"
	"github.com/meridian-gslb/meridian/gslb"
)

// database is an object of a kind that Meridian knows nothing of.
func database(namespace, status string) string {
	return fmt.Sprintf("apiVersion: postgresql.example.com/v1\nkind: Cluster\nmetadata: {name: db%s}\nspec: {instances: 3}\nstatus: %s\n", namespace, status)
}

// TestReadinessGatesAreJudged: the object of a readiness gate is in a file as any other, of
// whatever kind; what no file has is not True.
func TestReadinessGatesAreJudged(t *testing.T) {
	const open = "{conditions: [{type: Other, status: 'False'}, {type: Promoted, status: 'True'}]}"
	dir := t.TempDir()
	application(t, dir)
	write(t, dir, "gslb.yaml", gslbYAML("app.cloud.example.com")+
		"  readinessGates: [{apiVersion: postgresql.example.com/v1, kind: Cluster, name: db, conditionType: Promoted}]\n")
	h := start(t, dir)
	text := h.untilLog("object of a readiness gate is in no file")
	assert.Contains(t, text, filepath.Join(dir, "gslb.yaml")+":12: warning: spec.readinessGates: host app.cloud.example.com: readiness gate: condition Promoted of Cluster default/db is not True: no file has the object; add it with that condition in its status")
	closed := func(why string) {
		t.Helper()
		h.until(why, func(w *gslb.World) bool {
			host := w.Host(gslb.MustName("app.cloud.example.com"))
			return w.Ready && host != nil && host.Part("eu").Entries[0].Reason == gslb.ReasonGateNotReady
		})
	}
	closed("what no file has is not True")
	for _, step := range []struct {
		why, text string
		open      bool
	}{
		{"the condition is True", database("", open), true},
		{"it is False", database("", "{conditions: [{type: Promoted, status: 'False', reason: Replica}]}"), false},
		{"in the namespace of the Gslb", database(", namespace: default", open), true},
		{"in another one", database(", namespace: other", open), false},
		{"another version of the kind", strings.Replace(database("", open), "/v1", "/v1beta2", 1), true},
		{"another group", strings.Replace(database("", open), "postgresql.", "mysql.", 1), false},
		{"one of a List", "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: postgresql.example.com/v1, kind: Cluster, metadata: {name: db}, status: " + open + "}\n", true},
		{"no status", database("", "{}"), false},
	} {
		h.write("database.yaml", step.text)
		if step.open {
			h.untilAddrs(step.why, "192.0.2.10")
			assert.Empty(t, h.source.Problems())
		} else {
			closed(step.why)
		}
	}
	h.write("database.yaml", database("", open))
	h.untilAddrs("open", "192.0.2.10")
	h.remove("database.yaml")
	closed("its file is gone")
	assert.Len(t, h.source.Problems(), 1)
}

// TestReadinessGatesOfKindsThatAreRead: also kinds that have a meaning of their own, and two
// files with one object.
func TestReadinessGatesOfKindsThatAreRead(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	write(t, dir, "gslb.yaml", gslbYAML("app.cloud.example.com")+
		"  readinessGates: [{apiVersion: v1, kind: Node, name: n1, conditionType: Ready}]\n")
	node := func(status string) string {
		return "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {conditions: [{type: Ready, status: '" + status + "'}]}\n"
	}
	write(t, dir, "node.yaml", node("True"))
	h := start(t, dir)
	h.untilAddrs("of cluster scope", "192.0.2.10")
	h.write("node.yaml", node("False"))
	h.untilAddrs("it is not ready")
	h.write("another.yaml", node("True"))
	h.untilAddrs("the first file counts", "192.0.2.10")
	h.remove("another.yaml")
	h.untilAddrs("and the second when it is gone")
}

// TestCheckOfReadinessGates: what a cluster may have is a warning.
func TestCheckOfReadinessGates(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	write(t, dir, "gslb.yaml", gslbYAML("app.cloud.example.com")+
		"  readinessGates: [{apiVersion: example.com/v1, kind: Thing, name: a, conditionType: Ready}]\n")
	problems, err := files.Check(t.Context(), []string{dir}, files.CheckOptions{Self: "eu", Zones: []gslb.ZoneIntent{{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com")}}})
	assert.NoError(t, err)
	assert.Len(t, problems, 1)
	assert.False(t, files.HasErrors(problems))
	assert.Contains(t, fmt.Sprint(problems), "no file has the object")
}
