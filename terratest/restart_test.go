// SPDX-License-Identifier: Apache-2.0

package terratest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/terratest/world"
)

// prepared is a host that every cluster serves, and a failover host.
func prepared(s *world.Stage) (host, all string) {
	host = s.Host("steady")
	start(s, "app")
	balance(s, "steady", host, "app", roundRobin)
	all = s.At(s.Clusters...)
	s.Answers("all are answered", host, all)
	return host, all
}

// TestRollingRestart replaces the Pods of Meridian in every cluster, as an
// operator would, while somebody asks.
func TestRollingRestart(t *testing.T) {
	s := stage(t, 1)
	s.NeedsMeridianPods()
	host, all := prepared(s)
	asker := s.Ask(host, all, s.Servers()...)
	for _, c := range s.Clusters {
		s.Do("restart Meridian in "+c.GeoTag+" (rollout)", func(ctx context.Context) error {
			w, err := c.Workload(ctx)
			if err != nil {
				return err
			}
			return c.Restart(ctx, w)
		})
		s.Until("every replica is new and ready", world.Patiently, c.Settled)
	}
	s.NothingFailed("during the restarts", asker)
}

// TestPodsDeleted deletes the Pods of Meridian in one cluster: one after another,
// then all at once, then all at once without a chance to say goodbye.
func TestPodsDeleted(t *testing.T) {
	s := stage(t, 2)
	if w := s.NeedsMeridianPods(); w.Replicas < 2 {
		s.Lacks(fmt.Sprintf("two replicas of Meridian in a cluster (it has %d)", w.Replicas))
	}
	host, all := prepared(s)
	c := s.Clusters[0]
	asker := s.Ask(host, all, s.Servers()...)
	pods, err := c.Pods(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods {
		s.Do("delete the Pod "+p.Name+" in "+c.GeoTag, func(ctx context.Context) error { return c.API.Delete(ctx, &p) })
		s.Until("another is ready in its place", world.Patiently, c.Settled)
	}
	s.NothingFailed("one Pod after another", asker)

	allAtOnce(s, c, host, all, "all Pods of a cluster told to stop")
	allAtOnce(s, c, host, all, "all Pods of a cluster killed", client.GracePeriodSeconds(0))
}

// allAtOnce deletes all Pods of Meridian in a cluster. Its applications go on, so
// the others must not drop them; its own server is silent for a while.
func allAtOnce(s *world.Stage, c *world.Cluster, host, all, what string, opts ...client.DeleteOption) {
	asker := s.Ask(host, all, append(world.ServersOf(s.Others(c)...), s.Edge)...)
	s.Do(what+", in "+c.GeoTag, func(ctx context.Context) error {
		pods, err := c.Pods(ctx)
		if err != nil {
			return err
		}
		for _, p := range pods {
			if err := c.API.Delete(ctx, &p, opts...); err != nil {
				return err
			}
		}
		return nil
	})
	s.Until("others are ready in their place", world.Patiently, c.Settled)
	s.Answers("its own server answers again", host, all, c.DNS)
	s.NothingFailed(what+"; the others and the edge", asker)
}

// TestHelmUpgrade upgrades the chart with a changed value, and back.
func TestHelmUpgrade(t *testing.T) {
	s := stage(t, 1)
	w := s.NeedsMeridianPods()
	if w.Release == "" {
		s.Lacks("a release of Helm: Meridian was installed in another way")
	}
	helm := strings.Fields(s.Helm)
	if _, err := exec.LookPath(helm[0]); err != nil {
		s.Lacks("helm (HELM=command): " + err.Error())
	}
	if _, err := os.Stat(filepath.Join(s.Chart, "Chart.yaml")); err != nil {
		s.Lacks("the chart (CHART=folder): " + err.Error())
	}
	host, all := prepared(s)
	asker := s.Ask(host, all, s.Servers()...)
	c := s.Clusters[0]
	for _, level := range []string{"debug", "info"} {
		s.Do("helm upgrade in "+c.GeoTag+": logLevel "+level, func(ctx context.Context) error {
			args := append(helm[1:], "upgrade", w.Release, s.Chart, "--namespace", w.Namespace, "--kubeconfig", s.Kubeconfig,
				"--kube-context", c.Context, "--reset-then-reuse-values", "--set", "logLevel="+level)
			out, err := exec.CommandContext(ctx, helm[0], args...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		})
		s.Until("every replica is new and ready", world.Patiently, c.Settled)
	}
	s.NothingFailed("during the upgrades", asker)
}
