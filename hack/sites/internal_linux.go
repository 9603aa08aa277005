// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/meridian-gslb/meridian/internal/sites/machine"
	"github.com/meridian-gslb/meridian/internal/sites/supervisor"
)

func down(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "down --dir DIR",
		Short: "Remove the sites with their files, also those that a killed supervisor has left",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			layout, err := layoutOf(dir)
			if err != nil {
				return err
			}
			return supervisor.Down(cmd.Context(), layout, cmd.OutOrStdout())
		},
	}
}

// internal are the processes that up starts.
func internal(dir *string) []*cobra.Command {
	untilEOF := false
	supervise := &cobra.Command{
		Use:    "supervise --dir DIR",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			if untilEOF {
				go func() {
					_, _ = io.Copy(io.Discard, os.Stdin) // however it ends
					cancel()
				}()
			}
			s, err := supervisor.New(*dir, os.Stdout)
			if err != nil {
				return err
			}
			return s.Run(ctx)
		},
	}
	supervise.Flags().BoolVar(&untilEOF, "until-eof", false, "take the sites down when standard input ends")
	return []*cobra.Command{supervise, {
		Use:    "machine CONFIG",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return machine.Run(args[0], os.NewFile(3, "report"))
		},
	}}
}
