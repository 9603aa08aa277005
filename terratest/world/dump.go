// SPDX-License-Identifier: Apache-2.0

package world

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// logLines is how much of each Pod's log a dump shows.
const logLines = 60

// dump prints what can be known about a test that failed: for each cluster its
// Gslbs, events and Pods of the test's namespace, the logs of Meridian, what the
// servers answer, and why.
func (s *Stage) dump(ctx context.Context) {
	for _, host := range s.hosts {
		for _, server := range s.Servers() {
			s.T.Logf("%s answers %s: %s", server.Name, host, server.Addrs(ctx, host))
		}
	}
	for _, c := range s.Clusters {
		ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
		s.dumpObjects(ctx, c)
		s.dumpMeridian(ctx, c)
		cancel()
	}
}

func (s *Stage) dumpObjects(ctx context.Context, c *Cluster) {
	in := client.InNamespace(s.Namespace)
	var gslbs gslbv1beta1.GslbList
	if err := c.API.List(ctx, &gslbs, in); err != nil {
		s.T.Logf("%s: no Gslbs: %v", c.Name, err)
		return
	}
	for _, g := range gslbs.Items {
		g.ManagedFields = nil
		b, err := yaml.Marshal(g)
		if err != nil {
			s.T.Log(err)
		}
		s.T.Logf("--- %s: Gslb %s\n%s", c.Name, g.Name, b)
	}
	var pods corev1.PodList
	if err := c.API.List(ctx, &pods, in); err != nil {
		s.T.Logf("%s: no Pods: %v", c.Name, err)
	}
	for _, p := range pods.Items {
		s.T.Logf("--- %s: Pod %s %s %s", c.Name, p.Name, p.Status.Phase, p.Status.PodIP)
		for _, cond := range p.Status.Conditions {
			if cond.Status != corev1.ConditionTrue {
				s.T.Logf("    %s %s %s", cond.Type, cond.Reason, cond.Message)
			}
		}
	}
	var events corev1.EventList
	if err := c.API.List(ctx, &events, in); err != nil {
		s.T.Logf("%s: no events: %v", c.Name, err)
	}
	for _, e := range events.Items {
		s.T.Logf("--- %s: event %s %s/%s %s: %s", c.Name, e.Type, e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Reason, e.Message)
	}
}

func (s *Stage) dumpMeridian(ctx context.Context, c *Cluster) {
	pods, err := c.Pods(ctx)
	if err != nil {
		s.T.Logf("%s: %v", c.Name, err)
		return
	}
	for _, p := range pods {
		lines := int64(logLines)
		b, err := c.Core.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{TailLines: &lines}).DoRaw(ctx)
		if err != nil {
			s.T.Logf("%s: the log of %s: %v", c.Name, p.Name, err)
		}
		s.T.Logf("--- %s: log of %s\n%s", c.Name, p.Name, b)
	}
	for _, host := range s.hosts {
		b, err := c.Fetch(ctx, pods[0], "explain", map[string]string{"host": host})
		if err != nil {
			s.T.Logf("%s: explain %s: %v", c.Name, host, err)
			continue
		}
		s.T.Logf("--- %s: explain %s\n%s", c.Name, host, indented(b))
	}
}

func indented(b []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, b, "", "  ") != nil {
		return string(b) // no JSON: as it is
	}
	return out.String()
}
