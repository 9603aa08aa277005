// SPDX-License-Identifier: Apache-2.0

package world

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// chartLabels are those that the chart gives to what it makes.
var chartLabels = client.MatchingLabels{"app.kubernetes.io/name": "meridian"}

// metricsPort is the name of the container's port for /metrics and /explain, and
// metricsDefault its number where it is not named.
const (
	metricsPort    = "metrics"
	metricsDefault = 8080
)

// ErrNoMeridian says that no Pods of Meridian are in the cluster: it may run as a
// plain process.
var ErrNoMeridian = errors.New("no Pods of Meridian (label app.kubernetes.io/name=meridian)")

// Pods gives the Pods of Meridian that are not on their way out.
func (c *Cluster) Pods(ctx context.Context) ([]corev1.Pod, error) {
	var all corev1.PodList
	if err := c.API.List(ctx, &all, chartLabels); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	var out []corev1.Pod
	for _, p := range all.Items {
		if p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed && serves(p) {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: %w", c.Name, ErrNoMeridian)
	}
	return out, nil
}

// serves tells Pods of the server from others of the chart, such as its tests.
func serves(p corev1.Pod) bool {
	for _, o := range p.OwnerReferences {
		if o.Kind == "ReplicaSet" || o.Kind == "DaemonSet" {
			return true
		}
	}
	return false
}

// Workload is what runs Meridian in a cluster.
type Workload struct {
	Object    client.Object // *appsv1.Deployment or *appsv1.DaemonSet
	Replicas  int32
	Release   string // of Helm; "" if it was not installed by Helm
	Namespace string
	settled   error // nil when every replica is up to date and ready
}

// Workload reads it.
func (c *Cluster) Workload(ctx context.Context) (*Workload, error) {
	var ds appsv1.DeploymentList
	if err := c.API.List(ctx, &ds, chartLabels); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	if len(ds.Items) > 0 {
		d := &ds.Items[0]
		w := describe(d, *d.Spec.Replicas)
		if st := d.Status; st.ObservedGeneration < d.Generation || st.UpdatedReplicas < w.Replicas || st.ReadyReplicas < w.Replicas || st.Replicas > w.Replicas {
			w.settled = fmt.Errorf("%s: %d of %d replicas updated, %d ready, %d in all", c.Name, st.UpdatedReplicas, w.Replicas, st.ReadyReplicas, st.Replicas)
		}
		return w, nil
	}
	var sets appsv1.DaemonSetList
	if err := c.API.List(ctx, &sets, chartLabels); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	if len(sets.Items) > 0 {
		d := &sets.Items[0]
		w := describe(d, d.Status.DesiredNumberScheduled)
		if st := d.Status; st.ObservedGeneration < d.Generation || st.UpdatedNumberScheduled < w.Replicas || st.NumberReady < w.Replicas {
			w.settled = fmt.Errorf("%s: %d of %d Pods updated, %d ready", c.Name, st.UpdatedNumberScheduled, w.Replicas, st.NumberReady)
		}
		return w, nil
	}
	return nil, fmt.Errorf("%s: %w", c.Name, ErrNoMeridian)
}

func describe(o client.Object, replicas int32) *Workload {
	return &Workload{
		Object: o, Replicas: replicas, Namespace: o.GetNamespace(),
		Release: o.GetAnnotations()["meta.helm.sh/release-name"],
	}
}

// Restart makes Kubernetes replace every Pod in turn, as `kubectl rollout restart`
// does.
func (c *Cluster) Restart(ctx context.Context, w *Workload) error {
	patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339))
	return c.API.Patch(ctx, w.Object, client.RawPatch(types.MergePatchType, []byte(patch)))
}

// Settled is nil when every replica of Meridian is up to date and ready, and none
// of those is on its way out.
func (c *Cluster) Settled(ctx context.Context) error {
	w, err := c.Workload(ctx)
	if err != nil {
		return err
	}
	if w.settled != nil {
		return w.settled
	}
	pods, err := c.Pods(ctx) // the workload's status may lag behind a Pod that was just deleted
	if err != nil {
		return err
	}
	ready := 0
	for _, p := range pods {
		for _, cond := range p.Status.Conditions {
			if cond.Type == corev1.PodReady && cond.Status == corev1.ConditionTrue {
				ready++
			}
		}
	}
	if ready < int(w.Replicas) {
		return fmt.Errorf("%s: %d of %d Pods are ready", c.Name, ready, w.Replicas)
	}
	return nil
}

// NeedsMeridianPods gives the first cluster's workload; where Meridian runs as a
// plain process the test is not run.
func (s *Stage) NeedsMeridianPods() *Workload {
	s.T.Helper()
	w, err := s.Clusters[0].Workload(s.T.Context())
	if errors.Is(err, ErrNoMeridian) {
		s.Lacks(err.Error())
	}
	if err != nil {
		s.T.Fatal(err)
	}
	return w
}

// Fetch gets a path of a Pod's metrics port through the API server.
func (c *Cluster) Fetch(ctx context.Context, p corev1.Pod, path string, params map[string]string) ([]byte, error) {
	port := metricsDefault
	for _, container := range p.Spec.Containers {
		for _, cp := range container.Ports {
			if cp.Name == metricsPort {
				port = int(cp.ContainerPort)
			}
		}
	}
	b, err := c.Core.CoreV1().Pods(p.Namespace).ProxyGet("http", p.Name, strconv.Itoa(port), path, params).DoRaw(ctx)
	if err != nil {
		return b, fmt.Errorf("%s: %s of Pod %s: %w", c.Name, path, p.Name, err)
	}
	return b, nil
}

// Metrics are the metrics of one Pod.
type Metrics map[string]*dto.MetricFamily

// Metrics scrapes a Pod through the API server.
func (c *Cluster) Metrics(ctx context.Context, p corev1.Pod) (Metrics, error) {
	b, err := c.Fetch(ctx, p, "metrics", nil)
	if err != nil {
		return nil, err
	}
	return ParseMetrics(string(b))
}

// ParseMetrics reads the text format of Prometheus.
func ParseMetrics(text string) (Metrics, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	m, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	return m, nil
}

// Sum adds the values of a counter or gauge, or the counts of a histogram, over
// all series that have the given labels ("name=value"). It is false when there is
// no such series.
func (m Metrics) Sum(name string, labels ...string) (sum float64, found bool) {
	for _, series := range m[name].GetMetric() {
		has := map[string]bool{}
		for _, l := range series.GetLabel() {
			has[l.GetName()+"="+l.GetValue()] = true
		}
		matches := true
		for _, l := range labels {
			matches = matches && has[l]
		}
		if matches {
			found = true
			sum += series.GetCounter().GetValue() + series.GetGauge().GetValue() + float64(series.GetHistogram().GetSampleCount())
		}
	}
	return sum, found
}
