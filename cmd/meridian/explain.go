// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/explain"
)

// explainLimit bounds what is read of a process's explanation.
const explainLimit = 4 << 20

func newExplain() *cobra.Command {
	var client, server, manifests, geoTag, output string
	var loopback bool
	cmd := &cobra.Command{
		Use:   "explain HOST",
		Short: "Say what a host is answered and why, entry by entry",
		Long: `Explain asks a running meridian (--server, the address of its metrics) or reads a
folder of manifests (--manifests with --geo-tag; one cluster, without its peers)
and prints the answers of a host, and for each entry why it is in or out.`,
		Example: `  meridian explain app.cloud.example.com --client 203.0.113.9
  meridian explain app.cloud.example.com --manifests ./objects --geo-tag eu`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("write: meridian explain HOST")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			host, err := gslb.ParseName(args[0])
			if err != nil {
				return usageError{err}
			}
			var addr netip.Addr
			if client != "" {
				if addr, err = netip.ParseAddr(client); err != nil {
					return usageError{fmt.Errorf("--client: %w", err)}
				}
			}
			var x *explain.Explanation
			if manifests != "" {
				x, err = explainFiles(cmd.Context(), manifests, geoTag, loopback, host, addr)
			} else {
				x, err = explainServer(cmd.Context(), server, host, addr)
			}
			if err != nil {
				return err
			}
			return printExplanation(cmd.OutOrStdout(), output, x)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&client, "client", "", "address of the client that asks")
	fs.StringVar(&server, "server", "http://127.0.0.1:8080", "metrics address of a running meridian")
	fs.StringVar(&manifests, "manifests", "", "folder of manifests to read instead")
	fs.StringVar(&geoTag, "geo-tag", "", "cluster to explain for, with --manifests")
	fs.BoolVar(&loopback, "allow-loopback-entries", false, "count loopback addresses too, with --manifests")
	fs.StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func printExplanation(w io.Writer, output string, x *explain.Explanation) error {
	switch output {
	case "text":
		return x.Text(w)
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(x)
	}
	return usageError{fmt.Errorf("--output %q: write text or json", output)}
}

// explainServer asks a running process.
func explainServer(ctx context.Context, server string, host gslb.Name, client netip.Addr) (*explain.Explanation, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	q := url.Values{"host": {host.String()}}
	if client.IsValid() {
		q.Set("client", client.String())
	}
	at := strings.TrimSuffix(server, "/") + "/explain?" + q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, usageError{fmt.Errorf("--server: %w", err)}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no meridian answers at %s: give --server its metrics address (--metrics-listen): %w", server, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	body, err := io.ReadAll(io.LimitReader(resp.Body, explainLimit))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", server, err)
	}
	var problem struct{ Error string }
	if resp.StatusCode != http.StatusOK {
		if json.Unmarshal(body, &problem) != nil || problem.Error == "" {
			problem.Error = resp.Status
		}
		return nil, errors.New(problem.Error)
	}
	x := new(explain.Explanation)
	if err := json.Unmarshal(body, x); err != nil {
		return nil, fmt.Errorf("%s is not a meridian of this version: %w", server, err)
	}
	return x, nil
}
