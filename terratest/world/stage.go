// SPDX-License-Identifier: Apache-2.0

package world

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// mark is the label of every namespace that a stage makes.
const mark = "gslb.meridian.dev/terratest"

// Stage is where one test plays: a namespace of its own in every cluster, hosts
// of its own, and the record of its steps. Its methods fail the test at once when
// something does not come; they are for the test's own goroutine.
type Stage struct {
	*World
	T         testing.TB
	Namespace string

	suffix  string
	record  *Record
	entries map[*Cluster][]string
	hosts   []string
}

// NewStage makes the namespaces of a test that needs some number of clusters; with
// fewer the test is skipped, and the table says so. When the test ends, what it
// made is deleted; if it failed, what can be known is printed first.
func (w *World) NewStage(t testing.TB, clusters int) *Stage {
	t.Helper()
	suffix := strings.ToLower(rand.Text()[:5])
	name := strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))
	s := &Stage{
		World: w, T: t, Namespace: "terratest-" + strings.TrimPrefix(name, "test") + "-" + suffix,
		suffix: suffix, record: w.Recorder.Begin(t.Name()), entries: map[*Cluster][]string{},
	}
	if len(w.Clusters) < clusters {
		s.NotRun(fmt.Sprintf("needs %d clusters, the playground has %d (CLUSTERS_NUMBER)", clusters, len(w.Clusters)))
	}
	t.Cleanup(s.end)
	for _, c := range w.Clusters {
		if err := c.API.Create(t.Context(), Namespace(s.Namespace)); err != nil {
			t.Fatalf("making the namespace %s in %s: %v", s.Namespace, c.Name, err)
		}
	}
	return s
}

// NewBareStage makes a stage without namespaces: for what needs questions only.
func NewBareStage(t testing.TB, w *World) *Stage {
	return &Stage{World: w, T: t, record: w.Recorder.Begin(t.Name()), entries: map[*Cluster][]string{}}
}

// Namespace is a namespace for a test, so marked that Clean finds it.
func Namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{mark: "true"}}}
}

// NotRun ends the test: it cannot be run here, for the reason given.
func (s *Stage) NotRun(why string) {
	s.T.Helper()
	s.Recorder.End(s.record, NotRun, why)
	s.T.Skip("not run: " + why)
}

// Lacks is NotRun where the playground should have what is missing: a failure if
// the suite is required.
func (s *Stage) Lacks(what string) {
	s.T.Helper()
	if s.Required {
		s.T.Fatal("the playground lacks what this test needs: " + what)
	}
	s.NotRun(what)
}

func (s *Stage) end() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if s.T.Failed() {
		s.Recorder.End(s.record, Failed, "")
		s.dump(ctx)
	}
	for _, c := range s.Clusters {
		if err := c.API.Delete(ctx, Namespace(s.Namespace)); client.IgnoreNotFound(err) != nil {
			s.T.Errorf("deleting the namespace %s in %s: %v", s.Namespace, c.Name, err)
		}
	}
}

// Host gives a balanced name that no other test has.
func (s *Stage) Host(label string) string {
	host := label + "-" + s.suffix + "." + s.Zone
	if !slices.Contains(s.hosts, host) {
		s.hosts = append(s.hosts, host)
	}
	return host
}

// Others gives all clusters but one.
func (s *Stage) Others(not *Cluster) []*Cluster {
	return slices.DeleteFunc(slices.Clone(s.Clusters), func(c *Cluster) bool { return c == not })
}

// Do is one step: f is called once.
func (s *Stage) Do(what string, f func(ctx context.Context) error) {
	s.T.Helper()
	begin := time.Now()
	err := f(s.T.Context())
	s.note(Step{What: what, Seconds: seconds(time.Since(begin)), Failed: err != nil})
	if err != nil {
		s.T.Fatalf("%s: %v", what, err)
	}
}

// Note writes down something that was seen, which took no time worth telling.
func (s *Stage) Note(what, note string) {
	s.T.Helper()
	s.note(Step{What: what, Note: note})
}

func (s *Stage) note(step Step) {
	s.T.Helper()
	s.Recorder.Add(s.record, step)
	s.T.Logf("%7.2f s  %s  %s", step.Seconds, step.What, step.detail())
}

// Clean waits until the namespaces of all stages are gone, and names those that
// are still there when ctx ends.
func (w *World) Clean(ctx context.Context) error {
	return poll(ctx, func(ctx context.Context) error {
		for _, c := range w.Clusters {
			var left corev1.NamespaceList
			if err := c.API.List(ctx, &left, client.MatchingLabels{mark: "true"}); err != nil && !apierrors.IsNotFound(err) {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			if len(left.Items) > 0 {
				return fmt.Errorf("%s still has %d namespaces of the tests, such as %s", c.Name, len(left.Items), left.Items[0].Name)
			}
		}
		return nil
	})
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
