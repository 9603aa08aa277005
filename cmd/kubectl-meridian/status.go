// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

func newStatus(a *access) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "List hosts with their answers, and what stands in the way",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			gslbs, err := a.list(cmd.Context(), false)
			if err != nil {
				return err
			}
			if len(gslbs) == 0 {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "No Gslb found; -A looks in every namespace.")
				return err
			}
			return printStatus(cmd.OutOrStdout(), gslbs)
		},
	}
}

func printStatus(w io.Writer, gslbs []gslbv1beta1.Gslb) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "NAMESPACE\tNAME\tHOST\tSTRATEGY\tCLUSTERS\tANSWER\tREASON")
	var notes []string
	for i := range gslbs {
		g := &gslbs[i]
		for _, h := range hosts(g) {
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", g.Namespace, g.Name, h, g.Spec.Strategy.Type,
				clusters(g, h), answer(g, h), reasons(g, h))
		}
		for _, c := range g.Status.Conditions {
			if c.Status != "True" {
				notes = append(notes, fmt.Sprintf("%s/%s: %s %s: %s: %s", g.Namespace, g.Name, c.Type, c.Status, c.Reason, c.Message))
			}
		}
		if meta.FindStatusCondition(g.Status.Conditions, gslbv1beta1.ConditionAccepted) == nil {
			notes = append(notes, fmt.Sprintf("%s/%s: no status yet: is Meridian running in this cluster?", g.Namespace, g.Name))
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, n := range notes {
		fmt.Fprintln(w, n)
	}
	return nil
}

func hosts(g *gslbv1beta1.Gslb) []string {
	if g.Status.Hosts == "" {
		return []string{"-"}
	}
	return strings.Split(g.Status.Hosts, ", ")
}

// clusters writes each cluster with what it says: "eu:Healthy us:Healthy(lost)".
func clusters(g *gslbv1beta1.Gslb, host string) string {
	var out []string
	for _, c := range g.Status.Clusters {
		if c.Host != host {
			continue
		}
		s := c.GeoTag + ":" + string(c.Health)
		if c.Liveness != gslbv1beta1.LivenessSelf && c.Liveness != gslbv1beta1.LivenessFresh {
			s += "(" + string(c.Liveness) + ")"
		}
		out = append(out, s)
	}
	return dash(out)
}

func answer(g *gslbv1beta1.Gslb, host string) string {
	var out []string
	for _, a := range g.Status.Answers {
		if a.Host == host {
			out = append(out, a.Addresses...)
		}
	}
	slices.Sort(out)
	return dash(slices.Compact(out))
}

func reasons(g *gslbv1beta1.Gslb, host string) string {
	var out []string
	for _, a := range g.Status.Answers {
		if a.Host == host && !slices.Contains(out, a.Reason) {
			out = append(out, a.Reason)
		}
	}
	return dash(out)
}

func dash(s []string) string {
	if len(s) == 0 {
		return "-"
	}
	return strings.Join(s, " ")
}
