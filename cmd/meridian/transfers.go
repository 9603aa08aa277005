// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/config"
	"github.com/meridian-gslb/meridian/dnsserver/zoneout"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// addTransfers makes what gives our zones to secondaries; nothing if nobody may have them.
// With it the slow path is whole.
func (p *process) addTransfers() error {
	defer p.slow.complete()
	t := &p.settings.Transfers
	if !t.Used() {
		return nil
	}
	cfg := zoneout.Config{
		Keys: tsigkey.NewKeyring(t.Keys...), Allow: t.Allow, Plain: p.dns.Plain, Logger: p.log, Registerer: p.registry,
	}
	for _, to := range t.Notify {
		cfg.Notify = append(cfg.Notify, zoneout.Secondary{Addr: to.Addr, Key: to.Key})
	}
	var err error
	if p.transfers, err = zoneout.New(cfg); err != nil {
		return fmt.Errorf("--transfer-tsig-key: %w", err)
	}
	p.slow.lead(placeZoneOut, p.transfers)
	p.run("transfers", p.transfers.Run)
	return nil
}

// knownKeys tells the names of the keys that something of the slow path has, in wire
// form; messages signed with others do not get there.
func knownKeys(s *config.Settings) func(name []byte) bool {
	known := make(map[string]bool)
	add := func(k *tsigkey.Key) {
		buf := make([]byte, 256)
		if n, err := dns.PackDomainName(k.Name, buf, 0, nil, false); err == nil {
			known[string(buf[:n])] = true
		}
	}
	for _, k := range s.PeerKeys {
		add(k.Key)
	}
	for _, k := range s.UpdateKeys {
		add(k.Key)
	}
	for _, k := range s.Transfers.Keys {
		add(k)
	}
	return func(name []byte) bool { return known[string(name)] }
}
