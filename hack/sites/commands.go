// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/meridian-gslb/meridian/internal/sites"
)

// commands are what people type.
func commands(dir *string) []*cobra.Command {
	return []*cobra.Command{
		up(dir), down(dir), image(dir),
		change(dir, "stop", "CLUSTER...", "Switch sites off at once, as if their power failed; their disks stay", cobra.MinimumNArgs(1)),
		change(dir, "start", "CLUSTER...", "Switch sites on again; returns when their nodes are Ready", cobra.MinimumNArgs(1)),
		change(dir, "freeze", "CLUSTER...", "Stop every process of sites where it is: nothing answers, connections stay", cobra.MinimumNArgs(1)),
		change(dir, "thaw", "CLUSTER...", "Let frozen sites go on", cobra.MinimumNArgs(1)),
		change(dir, "cut", "CLUSTER [CLUSTER]", "Drop all packets between two sites, or between one and all others", cobra.RangeArgs(1, 2)),
		change(dir, "heal", "[CLUSTER [CLUSTER]]", "Take cuts away: of two, of one, or all there are", cobra.MaximumNArgs(2)),
		execute(dir), status(dir),
	}
}

func up(dir *string) *cobra.Command {
	var options sites.Options
	var publish []string
	cmd := &cobra.Command{
		Use:   "up --dir DIR --clusters NAME,... [flags]",
		Short: "Bring sites up in the background; returns when all nodes are Ready. Idempotent",
		Example: `  sites up --dir /tmp/s --clusters eu,us
  sites up --dir /tmp/s --clusters edge,eu --publish 127.0.0.1:1053=edge:10.99.1.1:53/udp --publish 127.0.0.1:8080=eu:10.99.2.11:80/tcp`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, text := range publish {
				p, err := sites.ParsePublication(text)
				if err != nil {
					return err
				}
				options.Publish = append(options.Publish, p)
			}
			options.Dir, options.Output = *dir, cmd.OutOrStdout()
			_, err := sites.Up(cmd.Context(), options)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&options.Clusters, "clusters", nil, "names; the first has addresses 10.99.1.x, the second 10.99.2.x, and so on (required)")
	flags.StringVar(&options.ContextPrefix, "context-prefix", "", "put before the clusters' names in the kubeconfig")
	flags.StringArrayVar(&publish, "publish", nil, "LISTEN=CLUSTER:ADDRESS[/tcp|/udp]: what arrives at LISTEN on this machine goes to ADDRESS inside the site (repeatable)")
	flags.DurationVar(&options.Timeout, "timeout", sites.DefaultTimeout, "how long the start may take, without what is built and fetched before")
	return cmd
}

func image(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "image --dir DIR ARCHIVE...",
		Short: "Give images in archives (of Docker's or the OCI's form) to every node",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := open(cmd, dir)
			if err != nil {
				return err
			}
			return set.Import(cmd.Context(), args...)
		},
	}
}

// change is a command that the supervisor does.
func change(dir *string, name, arguments, short string, count cobra.PositionalArgs) *cobra.Command {
	return &cobra.Command{
		Use:   name + " --dir DIR " + arguments,
		Short: short,
		Args:  count,
		RunE: func(cmd *cobra.Command, args []string) error {
			layout, err := layoutOf(dir)
			if err != nil {
				return err
			}
			_, err = sites.Call(cmd.Context(), layout, sites.Request{Command: name, Clusters: args}, cmd.OutOrStdout())
			return err
		},
	}
}

func execute(dir *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec --dir DIR CLUSTER COMMAND...",
		Short: "Run a command on a site's machine: its network, processes and /var, programs and other files of this machine",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := open(cmd, dir)
			if err != nil {
				return err
			}
			status, err := set.Status(cmd.Context())
			if err != nil {
				return err
			}
			arguments, environment, err := status.Enter(args[0], args[1:]...)
			if err != nil {
				return err
			}
			path, err := exec.LookPath(arguments[0])
			if err != nil {
				return err
			}
			return syscall.Exec(path, arguments, environment)
		},
	}
	cmd.Flags().SetInterspersed(false) // flags behind the cluster are the command's
	return cmd
}

func status(dir *string) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "status --dir DIR",
		Short: "Say how the sites are",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := open(cmd, dir)
			if err != nil {
				return err
			}
			status, err := set.Status(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(status)
			}
			return describe(cmd.OutOrStdout(), status)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func describe(out io.Writer, status *sites.Status) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CLUSTER\tSTATE\tNODE\tINGRESS\tLOADBALANCERS\tAPI")
	for _, one := range status.Sites {
		site, _ := status.Config.Site(one.Name)
		var cuts []string
		for _, c := range status.Cuts {
			switch {
			case c.A == one.Name && c.B == "":
				cuts = append(cuts, "all")
			case c.A == one.Name:
				cuts = append(cuts, c.B)
			case c.B == one.Name:
				cuts = append(cuts, c.A)
			}
		}
		state := one.State
		if len(cuts) > 0 {
			state += ", cut from " + strings.Join(cuts, " and ")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s,%s\t%s\thttps://%s\n", one.Name, state, site.Node(),
			site.Ingress()[0], site.Ingress()[1], site.LoadBalancers(), one.API)
	}
	for _, p := range status.Config.Publish {
		fmt.Fprintf(table, "published: %s\n", p)
	}
	return table.Flush()
}

func open(cmd *cobra.Command, dir *string) (*sites.Set, error) {
	if *dir == "" {
		return nil, errNoDir
	}
	return sites.Open(cmd.Context(), *dir, cmd.OutOrStdout())
}

var errNoDir = errors.New("--dir is required")

func layoutOf(dir *string) (sites.Layout, error) {
	if *dir == "" {
		return sites.Layout{}, errNoDir
	}
	absolute, err := filepath.Abs(*dir)
	return sites.Layout{Dir: absolute}, err
}
