// SPDX-License-Identifier: Apache-2.0

// Command meridian is the global server load balancer: one process in each
// cluster. This package wires the parts together and owns signals and exit
// codes; nothing else lives here.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	_ "golang.org/x/crypto/x509roots/fallback" // for HTTPS probes where the system has no roots, as in the image
)

// version is set by the linker.
var version = "dev"

// Exit codes.
const (
	exitFailed = 1 // it failed
	exitUsage  = 2 // it was called wrongly
)

// usageError is an error in the way the program was called.
type usageError struct{ error }

// errReported says that the problems were printed already.
var errReported = errors.New("problems were found")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run carries out one command line and gives its exit code.
func run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "meridian: %v\nSee 'meridian --help'.\n", err)
		return exitUsage
	case errors.Is(err, errReported):
		return exitFailed
	}
	fmt.Fprintf(os.Stderr, "meridian: %v\n", err)
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "meridian",
		Short: "Global server load balancing for Kubernetes, with its own authoritative DNS server",
		Long: `Meridian answers DNS for a load-balanced zone from several clusters at once, so
that users reach a cluster that can serve them. Every cluster runs its own; the
clusters are equals, tell each other what they can serve, and keep the zone's
delegation in the edge zone themselves.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(newServe(), newCheck(), newExplain(), newAsk(), newEdge(), newVersion())
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "meridian", version)
			return err
		},
	}
}

func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unexpected argument %q", args[0])}
	}
	return nil
}
