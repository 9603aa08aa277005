// SPDX-License-Identifier: Apache-2.0

package externaldns

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// TestAnswersAndNewsOvertakeEachOther: the API server answers a write and tells the watch
// on different ways. What is known never goes back, or a write would be repeated.
func TestAnswersAndNewsOvertakeEachOther(t *testing.T) {
	version := func(uid, v string) *unstructured.Unstructured {
		u := &unstructured.Unstructured{}
		u.SetName("x")
		u.SetUID(types.UID(uid))
		u.SetResourceVersion(v)
		return u
	}
	o, err := New(Config{Client: fake.NewFakeClient(), Namespace: "meridian"})
	require.NoError(t, err)
	for _, step := range []struct {
		why  string
		does func()
		want string
	}{
		{"our write is answered", func() { o.learn(version("a", "10")) }, "10"},
		{"news from before it", func() { o.see(watch.Event{Type: watch.Modified, Object: version("a", "9")}) }, "10"},
		{"news of it", func() { o.see(watch.Event{Type: watch.Modified, Object: version("a", "10")}) }, "10"},
		{"ExternalDNS writes the status", func() { o.see(watch.Event{Type: watch.Modified, Object: version("a", "12")}) }, "12"},
		{"an answer from before that", func() { o.learn(version("a", "11")) }, "12"},
		{"it was removed and made anew by us", func() { o.learn(version("b", "14")) }, "14"},
		{"news that the old one went", func() { o.see(watch.Event{Type: watch.Deleted, Object: version("a", "13")}) }, "14"},
		{"news that the new one went", func() { o.see(watch.Event{Type: watch.Deleted, Object: version("b", "15")}) }, ""},
		{"we write", func() { o.learn(version("c", "21")) }, "21"},
		{"a list from before that", func() { o.renew(map[string]*unstructured.Unstructured{}, "20") }, "21"},
		{"a list after it", func() { o.renew(map[string]*unstructured.Unstructured{"x": version("c", "21")}, "30") }, "21"},
		{"a list without it", func() { o.renew(map[string]*unstructured.Unstructured{}, "31") }, ""},
		{"a server whose versions are no numbers is believed", func() { o.learn(version("c", "z2")) }, "z2"},
		{"always", func() { o.see(watch.Event{Type: watch.Modified, Object: version("c", "z1")}) }, "z1"},
	} {
		step.does()
		got := ""
		if u := o.known["x"]; u != nil {
			got = u.GetResourceVersion()
		}
		assert.Equal(t, step.want, got, step.why)
	}
}
