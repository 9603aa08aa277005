// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"strings"

	"github.com/meridian-gslb/meridian/controllers/externaldns"
	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/rfc2136"
)

// addExternalDNS has the keeper write DNSEndpoints, and read the edge zone back.
func (p *process) addExternalDNS(cfg *edge.Config, src source) error {
	reader, err := rfc2136.NewReader(rfc2136.ReaderConfig{
		Servers: strings.Join(p.settings.EdgeServers, ","), Resolver: net.DefaultResolver, Log: p.log,
	})
	if err != nil {
		return fmt.Errorf("--edge-dns: %w", err)
	}
	c, err := externaldns.NewClient(src.rest)
	if err != nil {
		return fmt.Errorf("preparing the connection to the Kubernetes API: %w", err)
	}
	objects, err := externaldns.New(externaldns.Config{Client: c, Namespace: src.namespace, Logger: p.log})
	if err != nil {
		return err
	}
	cfg.Objects, cfg.Reader = objects, reader
	p.edgeServers = reader.Servers
	p.lead = objects.Lead
	p.run("externaldns", objects.Run)
	return nil
}
