// SPDX-License-Identifier: Apache-2.0

package authtest

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// file is where a zone is kept in the folder of the server.
func file(z Zone) string { return strings.TrimSuffix(z.Name, ".") + ".zone" }

// keys gives each key of the zones once.
func keys(zones []Zone) []Key {
	var out []Key
	seen := make(map[string]bool)
	for _, z := range zones {
		if z.Key.Name != "" && !seen[z.Key.Name] {
			seen[z.Key.Name] = true
			out = append(out, z.Key)
		}
	}
	return out
}

// namedConf gives the zones for named.conf. What a zone should not hold is for
// the test to say, so named takes what it would only warn of.
func (s *Server) namedConf(zones []Zone) string {
	var b strings.Builder
	for _, k := range keys(zones) {
		fmt.Fprintf(&b, "key %q { algorithm hmac-sha256; secret %q; };\n", k.Name, k.Base64())
	}
	for _, z := range zones {
		fmt.Fprintf(&b, "zone %q {\n\tfile \"%s/%s\";\n\tallow-transfer { 127.0.0.0/8; };\n\tcheck-names ignore;\n\tzero-no-soa-ttl no;\n", z.Name, s.dir, file(z))
		if !z.Primary.IsValid() {
			b.WriteString("\ttype primary;\n\tcheck-integrity no;\n};\n")
			continue
		}
		key := ""
		if z.Key.Name != "" {
			key = fmt.Sprintf(" key %q", z.Key.Name)
		}
		fmt.Fprintf(&b, "\ttype secondary;\n\tmasterfile-format text;\n\tprimaries { %s port %d%s; };\n", z.Primary.Addr(), z.Primary.Port(), key)
		b.WriteString("\tallow-notify { 127.0.0.0/8; };\n\tmin-retry-time 1;\n\tmax-retry-time 2;\n\tmin-refresh-time 1;\n};\n")
	}
	return b.String()
}

// conf gives the whole configuration of Knot DNS or NSD.
func (s *Server) conf(zones []Zone) string {
	if s.Software == NSD {
		return s.head() + nsdConf(zones)
	}
	return s.head() + s.knotConf(zones)
}

// head gives where Knot DNS or NSD listens and keeps its files.
func (s *Server) head() string {
	if s.Software == NSD {
		return fmt.Sprintf("server:\n  ip-address: %[2]s@%[3]d\n  username: \"\"\n  chroot: \"\"\n  zonesdir: %[1]q\n  database: \"\"\n  pidfile: \"%[1]s/nsd.pid\"\n"+
			"  xfrdfile: \"%[1]s/xfrd.state\"\n  xfrdir: %[1]q\n  zonelistfile: \"%[1]s/zone.list\"\n  server-count: 1\n  minimal-responses: yes\n  rrl-ratelimit: 0\n  rrl-whitelist-ratelimit: 0\n  verbosity: 2\n  xfrd-reload-timeout: 0\nremote-control:\n  control-enable: no\n",
			s.dir, s.Addr.Addr(), s.Addr.Port())
	}
	return fmt.Sprintf("server:\n  rundir: %[1]s\n  listen: %[2]s@%[3]d\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\nlog:\n  - target: stderr\n    any: info\n"+
		"database:\n  storage: %[1]s\n  journal-db-max-size: 32M\n  kasp-db-max-size: 8M\n  timer-db-max-size: 8M\n  catalog-db-max-size: 8M\n", s.dir, s.Addr.Addr(), s.Addr.Port())
}

// knotConf gives the zones for knot.conf, without semantic checks for the same reason.
func (s *Server) knotConf(zones []Zone) string {
	var b strings.Builder
	if all := keys(zones); len(all) > 0 {
		b.WriteString("key:\n")
		for _, k := range all {
			fmt.Fprintf(&b, "  - id: %s\n    algorithm: hmac-sha256\n    secret: %s\n", k.Name, k.Base64())
		}
	}
	b.WriteString("remote:\n")
	for i, z := range zones {
		if z.Primary.IsValid() {
			fmt.Fprintf(&b, "  - id: primary%d\n    address: %s@%d\n", i, z.Primary.Addr(), z.Primary.Port())
			if z.Key.Name != "" {
				fmt.Fprintf(&b, "    key: %s\n", z.Key.Name)
			}
		}
	}
	b.WriteString("acl:\n  - id: anybody\n    address: 127.0.0.0/8\n    action: [ notify, transfer ]\n")
	for _, k := range keys(zones) {
		fmt.Fprintf(&b, "  - id: with-%[1]s\n    address: 127.0.0.0/8\n    key: %[1]s\n    action: [ notify, transfer ]\n", k.Name)
	}
	b.WriteString("zone:\n")
	for i, z := range zones {
		acl := "anybody"
		if z.Key.Name != "" {
			acl = "[ anybody, with-" + z.Key.Name + " ]"
		}
		fmt.Fprintf(&b, "  - domain: %s\n    storage: %s\n    file: %q\n    acl: %s\n    semantic-checks: off\n    journal-content: changes\n", dns.Fqdn(z.Name), s.dir, file(z), acl)
		if z.Primary.IsValid() {
			fmt.Fprintf(&b, "    master: primary%d\n    refresh-min-interval: 2\n    retry-min-interval: 1\n    retry-max-interval: 2\n", i)
		}
	}
	return b.String()
}

// nsdConf gives the zones for nsd.conf.
func nsdConf(zones []Zone) string {
	var b strings.Builder
	for _, k := range keys(zones) {
		fmt.Fprintf(&b, "key:\n  name: %q\n  algorithm: hmac-sha256\n  secret: %q\n", k.Name, k.Base64())
	}
	for _, z := range zones {
		fmt.Fprintf(&b, "zone:\n  name: %q\n  zonefile: %q\n  provide-xfr: 127.0.0.0/8 NOKEY\n", z.Name, file(z))
		if !z.Primary.IsValid() {
			continue
		}
		key := "NOKEY"
		if z.Key.Name != "" {
			key = z.Key.Name
			fmt.Fprintf(&b, "  allow-notify: 127.0.0.0/8 %s\n", key)
		}
		fmt.Fprintf(&b, "  request-xfr: %s@%d %s\n  allow-notify: 127.0.0.0/8 NOKEY\n  min-retry-time: 1\n  max-retry-time: 2\n  min-refresh-time: 1\n", z.Primary.Addr(), z.Primary.Port(), key)
	}
	return b.String()
}
