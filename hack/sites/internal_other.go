// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package main

import (
	"github.com/spf13/cobra"

	"github.com/meridian-gslb/meridian/internal/sites"
)

func down(*string) *cobra.Command {
	return &cobra.Command{
		Use:   "down --dir DIR",
		Short: "Remove the sites",
		RunE:  func(*cobra.Command, []string) error { return sites.Missing() },
	}
}

func internal(*string) []*cobra.Command { return nil }
