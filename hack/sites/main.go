// SPDX-License-Identifier: Apache-2.0

// Command sites runs whole Kubernetes clusters of real nodes on one Linux
// machine, each in a network namespace of its own, and does harm to them: it
// stops, freezes and cuts them off. docs/sites.md says more.
//
//	go run ./hack/sites up --dir DIR --clusters eu,us
//	DIR/bin/sites stop --dir DIR us
//	DIR/bin/sites down --dir DIR
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{
		Use:           "sites",
		Short:         "Kubernetes clusters of real nodes on this machine, and harm to them",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	dir := root.PersistentFlags().String("dir", "", "folder of the set (required); it tells sets on one machine apart")
	root.AddCommand(commands(dir)...)
	root.AddCommand(internal(dir)...)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "sites:", err)
		return 1
	}
	return 0
}
