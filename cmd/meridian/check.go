// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/meridian-gslb/meridian/controllers/files"
	"github.com/meridian-gslb/meridian/gslb"
)

// checkFlags is what `meridian check` can be told.
type checkFlags struct {
	geoTag, zone, edgeZone string
	loopback               bool
}

func newCheck() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check FILE…",
		Short: "Judge manifests offline, as the API server and Meridian would",
		Long: `Check reads YAML or JSON files (or folders of them) and prints each problem with
file, line and field: what the API server would refuse (schema, rules), and what
Meridian would say in conditions (a host outside every zone, a Service that is
missing among the files). Nothing is contacted. The exit code is 1 if there are
errors; warnings alone leave it at 0.`,
		Example: `  meridian check docs/samples/failover.yaml
  meridian check --zone cloud.example.com --edge-zone example.com objects/`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("write: meridian check FILE…")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := f.options()
			if err != nil {
				return err
			}
			problems, err := files.Check(cmd.Context(), args, opts)
			if err != nil {
				return err
			}
			for _, p := range problems {
				fmt.Fprintln(cmd.OutOrStdout(), p)
			}
			if files.HasErrors(problems) {
				return errReported
			}
			fmt.Fprintln(cmd.OutOrStdout(), "ok")
			return nil
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.geoTag, "geo-tag", "", "judge as this cluster")
	fs.StringVar(&f.zone, "zone", "", "zone that hosts must lie in (beside those of ZoneDelegations among the files)")
	fs.StringVar(&f.edgeZone, "edge-zone", "", "its parent (default: one label up)")
	fs.BoolVar(&f.loopback, "allow-loopback-entries", false, "accept loopback addresses as entries")
	return cmd
}

func (f *checkFlags) options() (files.CheckOptions, error) {
	o := files.CheckOptions{AllowLoopback: f.loopback}
	if f.geoTag != "" {
		tag, err := gslb.ParseGeoTag(f.geoTag)
		if err != nil {
			return o, usageError{fmt.Errorf("--geo-tag: %w", err)}
		}
		o.Self = tag
	}
	if f.zone == "" {
		return o, nil
	}
	zone, err := gslb.ParseName(f.zone)
	if err != nil {
		return o, usageError{fmt.Errorf("--zone: %w", err)}
	}
	edge := zone.Parent()
	if f.edgeZone != "" {
		if edge, err = gslb.ParseName(f.edgeZone); err != nil {
			return o, usageError{fmt.Errorf("--edge-zone: %w", err)}
		}
	}
	if !zone.Below(edge) {
		return o, usageError{fmt.Errorf("--zone: %s does not lie below the edge zone %s", zone, edge)}
	}
	o.Zones = []gslb.ZoneIntent{{Zone: zone, EdgeZone: edge}}
	return o, nil
}
