// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"

	"github.com/spf13/cobra"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/edge/server"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// edgeFlags is what `meridian edge` can be told.
type edgeFlags struct {
	zone, state    string
	listen, keys   []string
	delegationPort uint16
	verbose        bool
}

func newEdge() *cobra.Command {
	var f edgeFlags
	cmd := &cobra.Command{
		Use:   "edge",
		Short: "Run a small edge server that takes signed updates, for demos, labs and tests",
		Long: `Edge is a small authoritative server for one zone. It takes RFC 2136 updates
signed by TSIG, keeps them in --state, and for those who ask it recursively it
follows the delegations below its zone, so that one dig shows the whole way. It
never caches. It is made for demos, labs and tests; run BIND, Knot or a cloud
provider in production.`,
		Example: `  meridian edge --zone example.com --listen 127.0.1.1:53 --tsig-key edge:hmac-sha256:edge.key`,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runEdge(cmd.Context(), &f) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.zone, "zone", "", "zone to serve, like example.com (required)")
	fs.StringSliceVar(&f.listen, "listen", []string{"127.0.0.1:5353"}, "addresses, UDP and TCP")
	fs.StringArrayVar(&f.keys, "tsig-key", nil, "key that may update and transfer the zone, NAME:ALGORITHM:FILE; repeatable (required)")
	fs.StringVar(&f.state, "state", "", "file that keeps the zone (default: memory only)")
	fs.Uint16Var(&f.delegationPort, "delegation-port", 53, "port on which delegated servers are asked")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "log every update")
	return cmd
}

// server checks the flags and makes the zone.
func (f *edgeFlags) server(log *slog.Logger) (*server.Server, error) {
	var bad []error
	if _, err := gslb.ParseName(f.zone); err != nil {
		bad = append(bad, fmt.Errorf("--zone: %w", err))
	}
	if len(f.keys) == 0 {
		bad = append(bad, errors.New("--tsig-key: is required: nothing unsigned changes a zone; write NAME:ALGORITHM:FILE"))
	}
	var keys []*tsigkey.Key
	for _, spec := range f.keys {
		k, err := tsigkey.Parse(spec)
		if err != nil {
			bad = append(bad, fmt.Errorf("--tsig-key: %w", err))
			continue
		}
		keys = append(keys, k)
	}
	var addrs []netip.Addr
	for _, l := range f.listen {
		host, _, err := net.SplitHostPort(l)
		if err != nil {
			bad = append(bad, fmt.Errorf("--listen: %q is not ADDRESS:PORT", l))
			continue
		}
		if a, err := netip.ParseAddr(host); err == nil && !a.IsUnspecified() {
			addrs = append(addrs, a)
		}
	}
	if len(bad) > 0 {
		return nil, usageError{errors.Join(bad...)}
	}
	return server.New(server.Config{
		Zone: f.zone, Addrs: addrs, Keys: tsigkey.NewKeyring(keys...), State: f.state, DelegationPort: f.delegationPort, Log: log,
	})
}

func runEdge(ctx context.Context, f *edgeFlags) error {
	level := slog.LevelInfo
	if f.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With("component", "edge")
	zone, err := f.server(log)
	if err != nil {
		return err
	}
	dns, err := dnsserver.New(dnsserver.Config{Listen: f.listen, SlowPath: zone, SlowAll: true, Logger: log})
	if err != nil {
		return err
	}
	log.Info("edge server is up", "zone", f.zone, "listen", dns.Addrs())
	return dns.Run(ctx)
}
