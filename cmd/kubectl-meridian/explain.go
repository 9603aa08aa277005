// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

func newExplain(a *access) *cobra.Command {
	return &cobra.Command{
		Use:   "explain HOST",
		Short: "Say what a host is answered and what each cluster brings",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			gslbs, err := a.list(cmd.Context(), true)
			if err != nil {
				return err
			}
			host := strings.ToLower(strings.TrimSuffix(args[0], "."))
			found := false
			for i := range gslbs {
				if slices.Contains(hosts(&gslbs[i]), host) {
					found = true
					if err := explainGslb(cmd.OutOrStdout(), &gslbs[i], host); err != nil {
						return err
					}
				}
			}
			if !found {
				return fmt.Errorf("no Gslb in this cluster has the host %s; see 'kubectl meridian status -A'", host)
			}
			return nil
		},
	}
}

func explainGslb(w io.Writer, g *gslbv1beta1.Gslb, host string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "host\t%s\n", host)
	fmt.Fprintf(tw, "gslb\t%s/%s, strategy %s\n", g.Namespace, g.Name, g.Spec.Strategy.Type)
	fmt.Fprintf(tw, "answered by\t%s\n", g.Status.GeoTag)
	for _, a := range g.Status.Answers {
		if a.Host != host {
			continue
		}
		share := ""
		if a.SharePercent != nil {
			share = fmt.Sprintf("%d%%: ", *a.SharePercent)
		}
		what := dash(a.Addresses)
		if what == "-" {
			what = "no address (NODATA)"
		}
		fmt.Fprintf(tw, "%s\t%s%s (%s)\n", a.Type, share, what, a.Reason)
	}
	fmt.Fprintln(tw, "\nCLUSTER\tLIVENESS\tHEALTH\tENTRIES\tREASON\tSINCE")
	for _, c := range g.Status.Clusters {
		if c.Host != host {
			continue
		}
		since := "-"
		if c.Since != nil {
			since = c.Since.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", c.GeoTag, c.Liveness, c.Health, dash(c.Addresses), c.Reason, since)
	}
	fmt.Fprintln(tw)
	for _, c := range g.Status.Conditions {
		fmt.Fprintf(tw, "%s\t%s\t%s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	return tw.Flush()
}
