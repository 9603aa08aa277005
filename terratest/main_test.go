// SPDX-License-Identifier: Apache-2.0

// Package terratest_test is the end-to-end suite: it runs against a playground
// that is up, on k3d or on local clusters, and sees of it what a user sees. Each
// test has a namespace and hosts of its own, and waits for what should come.
package terratest_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/meridian-gslb/meridian/terratest/world"
)

// playground is what all tests share; without one, absent says why.
var playground, absent = func() (*world.World, error) {
	config, err := world.FromEnv(os.Getenv)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return world.Open(ctx, config)
}()

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if absent != nil && os.Getenv("MERIDIAN_TERRATEST") == world.Required {
		fmt.Fprintln(os.Stderr, "terratest:", absent)
		return 1
	}
	code := m.Run()
	if playground == nil {
		return code
	}
	ctx, cancel := context.WithTimeout(context.Background(), world.Patiently)
	defer cancel()
	if err := playground.Clean(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "terratest:", err)
		code = 1
	}
	fmt.Fprintf(os.Stdout, "\n%s\n", playground.Recorder.Markdown())
	if err := playground.Recorder.Write(playground.Reports...); err != nil {
		fmt.Fprintln(os.Stderr, "terratest:", err)
		code = 1
	}
	return code
}

// stage is where a test plays; it needs some number of clusters.
func stage(t *testing.T, clusters int) *world.Stage {
	t.Helper()
	if absent != nil {
		t.Skip("not run: ", absent)
	}
	return playground.NewStage(t, clusters)
}
