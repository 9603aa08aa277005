// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// Ways to keep the delegation at the edge.
const (
	ProviderRFC2136     = "rfc2136"
	ProviderExternalDNS = "externaldns"
	ProviderNone        = "none"
)

// dnsPort is what addresses without a port mean.
const dnsPort = "53"

func (c *Config) edge(s *Settings, bad *problems) {
	s.Resolvers = addresses("resolvers", "a resolver", c.Resolvers, bad)
	s.Anchors = addresses("anchors", "an anchor", c.Anchors, bad)
	s.DelegationCheck = onOff("delegation-check", c.Delegation, bad)
	switch c.EdgeProvider {
	case ProviderNone:
		s.EdgeAsked = c.servers(bad)
		c.unused(bad)
		return
	case ProviderExternalDNS:
		c.externalDNS(s, bad)
		return
	case ProviderRFC2136:
	default:
		bad.add("edge-provider", fmt.Errorf("%q is not a provider; use %s, %s or %s", c.EdgeProvider, ProviderRFC2136, ProviderExternalDNS, ProviderNone))
		return
	}
	if len(c.EdgeDNS) == 0 {
		if c.EdgeTSIGKey != "" {
			bad.add("edge-dns", errors.New("is missing beside --edge-tsig-key; write the server that takes updates, HOST:PORT"))
		}
		return
	}
	s.EdgeServers = c.servers(bad)
	if c.EdgeTSIGKey == "" {
		bad.add("edge-tsig-key", errors.New("is required with --edge-dns: updates are always signed; write NAME:ALGORITHM:FILE"))
		return
	}
	key, err := tsigkey.Parse(c.EdgeTSIGKey)
	bad.add("edge-tsig-key", err)
	s.EdgeKey = key
}

// servers reads --edge-dns.
func (c *Config) servers(bad *problems) (out []string) {
	for _, a := range c.EdgeDNS {
		hp, err := withPort(a)
		bad.add("edge-dns", err)
		out = append(out, hp)
	}
	return out
}

// externalDNS is the edge that ExternalDNS writes: servers are only read, by anybody.
func (c *Config) externalDNS(s *Settings, bad *problems) {
	s.ExternalDNS = true
	s.EdgeServers = c.servers(bad)
	if c.EdgeTSIGKey != "" {
		bad.add("edge-tsig-key", errors.New("signs RFC 2136 updates, and with --edge-provider externaldns ExternalDNS writes with credentials of its own; leave it out"))
	}
	if c.Manifests != "" {
		bad.add("edge-provider", errors.New("externaldns writes DNSEndpoints to Kubernetes and cannot go with --manifests; use rfc2136, or none"))
	}
}

// unused refuses what has no meaning without an edge.
func (c *Config) unused(bad *problems) {
	if c.EdgeTSIGKey != "" {
		bad.add("edge-tsig-key", errors.New("has no use with --edge-provider none; leave it out"))
	}
}

// addresses reads a list of servers that are asked without the help of other name servers.
func addresses(flag, what string, list []string, bad *problems) (all []string) {
	for _, a := range list {
		hp, err := withPort(a)
		if _, notAddr := netip.ParseAddrPort(hp); err == nil && notAddr != nil {
			err = fmt.Errorf("%q is not ADDRESS:PORT; %s is asked without the help of other name servers", a, what)
		}
		bad.add(flag, err)
		all = append(all, hp)
	}
	return all
}

// withPort adds the port of DNS where none is written.
func withPort(a string) (string, error) {
	a = strings.TrimSpace(a)
	if a == "" {
		return "", errors.New("an address is empty; write HOST:PORT")
	}
	if ip, err := netip.ParseAddr(a); err == nil {
		return net.JoinHostPort(ip.String(), dnsPort), nil
	}
	host, port, err := net.SplitHostPort(a)
	if err != nil {
		if strings.Contains(a, ":") {
			return "", fmt.Errorf("%q is not HOST:PORT", a)
		}
		return net.JoinHostPort(a, dnsPort), nil
	}
	if _, err := net.LookupPort("udp", port); host == "" || err != nil {
		return "", fmt.Errorf("%q is not HOST:PORT with a port of 1 to 65535", a)
	}
	return a, nil
}
