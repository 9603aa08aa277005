// SPDX-License-Identifier: Apache-2.0

package sites

import (
	"fmt"
	"net/netip"
	"strings"
)

// A Publication makes an address inside a site reachable from this machine: what
// arrives at Listen goes on to Target, as seen from inside the cluster's site.
type Publication struct {
	Listen   netip.AddrPort `json:"listen"`
	Cluster  string         `json:"cluster"`
	Target   netip.AddrPort `json:"target"`
	Protocol string         `json:"protocol"` // "tcp", "udp", or empty for both
}

const publicationForm = "LISTEN=CLUSTER:ADDRESS[/tcp|/udp], such as 127.0.0.1:1053=eu:10.99.1.1:53/udp"

// ParsePublication reads 127.0.0.1:1053=eu:10.99.1.1:53/udp. Without a protocol
// it is for TCP and UDP.
func ParsePublication(s string) (Publication, error) {
	wrong := func(why string) (Publication, error) {
		return Publication{}, fmt.Errorf("publication %q: %s; want %s", s, why, publicationForm)
	}
	listen, rest, ok := strings.Cut(s, "=")
	if !ok {
		return wrong("no =")
	}
	var p Publication
	var err error
	if p.Listen, err = netip.ParseAddrPort(listen); err != nil {
		return wrong(err.Error())
	}
	if p.Cluster, rest, ok = strings.Cut(rest, ":"); !ok {
		return wrong("no cluster")
	}
	target, protocol, ok := strings.Cut(rest, "/")
	if ok && protocol != "tcp" && protocol != "udp" {
		return wrong(fmt.Sprintf("protocol %q", protocol))
	}
	p.Protocol = protocol
	if p.Target, err = netip.ParseAddrPort(target); err != nil {
		return wrong(err.Error())
	}
	return p, nil
}

// String is the form that ParsePublication reads.
func (p Publication) String() string {
	s := fmt.Sprintf("%s=%s:%s", p.Listen, p.Cluster, p.Target)
	if p.Protocol != "" {
		s += "/" + p.Protocol
	}
	return s
}

// Protocols returns "tcp", "udp" or both.
func (p Publication) Protocols() []string {
	if p.Protocol == "" {
		return []string{"tcp", "udp"}
	}
	return []string{p.Protocol}
}
