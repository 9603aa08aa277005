// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Text writes the explanation for people.
func (x *Explanation) Text(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	name := x.Host
	if x.Asked != "" {
		name = x.Asked + " (answered by " + x.Host + ")"
	}
	fmt.Fprintf(tw, "host\t%s\n", name)
	fmt.Fprintf(tw, "strategy\t%s (policy of %s, TTL %d s)\n", x.Strategy, x.From, x.TTL)
	fmt.Fprintf(tw, "answered by\t%s\n", x.Cluster)
	if x.Client != "" {
		fmt.Fprintf(tw, "client\t%s\n", x.Client)
	}
	fmt.Fprintf(tw, "reason\t%s\n", x.Reason)
	for _, a := range x.Answers {
		what := strings.Join(a.Addresses, " ")
		if a.Target != "" {
			what = "CNAME " + a.Target + " (" + what + ")"
		}
		if what == "" {
			what = "no address (NODATA)"
		}
		fmt.Fprintf(tw, "answer\t%.0f%%: %s\n", a.Share, what)
	}
	fmt.Fprintln(tw, "\nCLUSTER\tLIVENESS\tENTRY\tANSWERED\tREASON\tSINCE")
	for _, e := range x.Entries {
		in := "no"
		if e.In {
			in = "yes"
		}
		since := "-"
		if !e.Since.IsZero() {
			since = e.Since.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Cluster, e.Liveness, e.Address, in, e.Reason, since)
	}
	for _, n := range x.Notes {
		fmt.Fprintf(tw, "\nnote: %s\n", n)
	}
	return tw.Flush()
}
