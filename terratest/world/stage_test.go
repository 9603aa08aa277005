// SPDX-License-Identifier: Apache-2.0

package world_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/terratest/world"
)

// witness is a test that notes errors instead of failing.
type witness struct {
	testing.TB
	errors []string
}

func (w *witness) Errorf(format string, args ...any) {
	w.errors = append(w.errors, fmt.Sprintf(format, args...))
}

func stageOf(t testing.TB, w *world.World) *world.Stage {
	w.Recorder = world.NewRecorder()
	return world.NewBareStage(t, w)
}

// TestAnswersAsksTheEdgeLast: what the edge was told too early it may keep.
func TestAnswersAsksTheEdgeLast(t *testing.T) {
	var mu sync.Mutex // the two servers answer each on its own
	var asked []string
	slow := 0
	note := func(who string) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, who)
	}
	cluster := serve(t, func(q *dns.Msg, _ bool) *dns.Msg {
		note("cluster")
		if slow++; slow < 4 {
			return reply(q, dns.RcodeNameError)
		}
		return reply(q, dns.RcodeSuccess, q.Question[0].Name+" 1 A 192.0.2.1")
	})
	edge := serve(t, func(q *dns.Msg, _ bool) *dns.Msg {
		note("edge")
		return reply(q, dns.RcodeSuccess, q.Question[0].Name+" 1 A 192.0.2.1")
	})
	s := stageOf(t, &world.World{Edge: edge, Clusters: []*world.Cluster{{GeoTag: "eu", DNS: cluster}}})
	s.Answers("all answer", "app.example.com", "192.0.2.1")
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, "cluster cluster cluster cluster edge", strings.Join(asked, " "))
	assert.Contains(t, s.Recorder.Markdown(), "all answer")
}

func TestNothingFailedFailsOnAWrongAnswer(t *testing.T) {
	n, enough := 0, make(chan struct{})
	server := serve(t, func(q *dns.Msg, _ bool) *dns.Msg {
		switch n++; n {
		case 5:
			return reply(q, dns.RcodeServerFailure)
		case 10:
			close(enough)
		}
		return reply(q, dns.RcodeSuccess, q.Question[0].Name+" 1 A 192.0.2.1")
	})
	w := &witness{TB: t}
	s := stageOf(w, &world.World{Edge: server})
	a := s.Ask("app.example.com", "192.0.2.1", server)
	<-enough
	s.NothingFailed("meanwhile", a)
	require.Len(t, w.errors, 1)
	assert.Contains(t, w.errors[0], "1 wrong")
	assert.Contains(t, w.errors[0], "answered SERVFAIL")
}

func TestConditionSaysWhatIsThereInstead(t *testing.T) {
	g := &gslbv1beta1.Gslb{}
	g.Status.Conditions = []metav1.Condition{{Type: "Serving", Status: metav1.ConditionTrue, Reason: "ServedElsewhere", Message: "us serves it"}}
	require.NoError(t, world.Condition(g, "Serving", metav1.ConditionTrue, "ServedElsewhere"))
	require.ErrorContains(t, world.Condition(g, "Serving", metav1.ConditionTrue, "Serving"), "is True (ServedElsewhere: us serves it), want True (Serving)")
	require.ErrorContains(t, world.Condition(g, "Resolved", metav1.ConditionTrue, "Resolved"), "no condition Resolved")
}

func TestProviderIsCalledWithVerbAndCluster(t *testing.T) {
	dir := t.TempDir()
	script, calls := filepath.Join(dir, "provider.sh"), filepath.Join(dir, "calls")
	w := &world.World{Config: world.Config{ProviderScript: script}}
	assert.False(t, w.HasProvider())
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\necho \"$@\" >> "+calls+"\n[ \"$1\" = stop ] || { echo it does not start; exit 3; }\n"), 0o700))
	assert.True(t, w.HasProvider())
	c := &world.Cluster{Name: "test-gslb1"}
	require.NoError(t, w.StopCluster(t.Context(), c))
	require.ErrorContains(t, w.StartCluster(t.Context(), c), "it does not start")
	said, err := os.ReadFile(calls)
	require.NoError(t, err)
	assert.Equal(t, "stop test-gslb1\nstart test-gslb1\n", string(said))
}
