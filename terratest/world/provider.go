// SPDX-License-Identifier: Apache-2.0

package world

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// HasProvider reports whether clusters can be stopped and started here.
func (w *World) HasProvider() bool {
	info, err := os.Stat(w.ProviderScript)
	return err == nil && !info.IsDir()
}

// StopCluster stops a whole cluster, as a power cut would.
func (w *World) StopCluster(ctx context.Context, c *Cluster) error { return w.provider(ctx, "stop", c) }

// StartCluster starts a cluster that was stopped. It may return before all in it
// works.
func (w *World) StartCluster(ctx context.Context, c *Cluster) error {
	return w.provider(ctx, "start", c)
}

func (w *World) provider(ctx context.Context, verb string, c *Cluster) error {
	out, err := exec.CommandContext(ctx, w.ProviderScript, verb, c.Name).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s %s: %w\n%s", w.ProviderScript, verb, c.Name, err, strings.TrimSpace(string(out)))
	}
	return nil
}
