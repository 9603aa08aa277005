// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
)

// server says how one of the servers is run, with one worker and without a limit
// of its answers to one client.
type server struct {
	name    string
	program string   // command, looked for in the path and in the folders of administrators
	version []string // arguments that print it
	updates bool     // changes are published by RFC 2136
	files   bool     // changes are published by files
	// setup writes a configuration into dir, beside zone.db of the folder above, and
	// gives arguments and environment.
	setup func(dir string, at netip.AddrPort) (args, env []string, err error)
}

// servers are measured in this order. Meridian and CoreDNS are built, the others
// come from packages of Debian.
func servers() []*server {
	return []*server{
		{name: "meridian", version: []string{"version"}, files: true, setup: setupMeridian},
		{name: "knot", program: "knotd", version: []string{"-V"}, updates: true, setup: setupKnot},
		{name: "gdnsd", program: "gdnsd", version: []string{"-V"}, setup: setupGdnsd},
		{name: "nsd", program: "nsd", version: []string{"-v"}, setup: setupNSD},
		{name: "bind", program: "named", version: []string{"-v"}, updates: true, setup: setupBIND},
		{name: "powerdns", program: "pdns_server", version: []string{"--version"}, setup: setupPowerDNS},
		{name: "coredns", version: []string{"-version"}, setup: setupCoreDNS},
	}
}

func serverNames() []string {
	var names []string
	for _, s := range servers() {
		names = append(names, s.name)
	}
	return names
}

// find gives the path of a program; "": it is not installed.
func find(program string) string {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		path := filepath.Join(dir, program)
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

func write(dir, name, format string, args ...any) (string, error) {
	path := filepath.Join(dir, name)
	return path, os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o644)
}

func setupMeridian(dir string, at netip.AddrPort) (args, env []string, err error) {
	err = writeManifests(filepath.Join(dir, "manifests"), "type: roundRobin", 0, perHost)
	return meridianArgs(dir, "eu", at), []string{"GOMAXPROCS=1"}, err
}

func meridianArgs(dir, tag string, at netip.AddrPort, more ...string) []string {
	return append([]string{
		"serve", "--geo-tag", tag, "--manifests", filepath.Join(dir, "manifests"), "--zone", zoneName, "--edge-zone", "example.com",
		"--edge-provider", "none", "--dns-listen", at.String(), "--dns-address", at.Addr().String(), "--allow-loopback-entries",
		"--metrics-listen", "", "--probe-listen", "",
	}, more...)
}

func setupKnot(dir string, at netip.AddrPort) (args, env []string, err error) {
	path, err := write(dir, "knot.conf", `server:
    rundir: "%[1]s"
    listen: %[2]s@%[3]d
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    answer-rotation: on
log:
  - target: stderr
    any: warning
database:
    storage: "%[1]s"
acl:
  - id: loopback
    address: 127.0.0.0/8
    action: update
zone:
  - domain: %[4]s
    storage: "%[1]s"
    file: "../zone.db"
    zonefile-sync: -1
    zonefile-load: whole
    acl: loopback
`, dir, at.Addr(), at.Port(), zoneName)
	return []string{"-c", path}, nil, err
}

func setupGdnsd(dir string, at netip.AddrPort) (args, env []string, err error) {
	zones := filepath.Join(dir, "zones")
	if err := os.Mkdir(zones, 0o755); err != nil {
		return nil, nil, err
	}
	if err := os.Link(filepath.Join(dir, "..", "zone.db"), filepath.Join(zones, zoneName)); err != nil {
		return nil, nil, err
	}
	_, err = write(dir, "config", `options => {
  listen => [ %s ], dns_port => %d, udp_threads => 1, tcp_threads => 1
  run_dir => "%s/run", state_dir => "%s/state"
}
`, at.Addr(), at.Port(), dir, dir)
	return []string{"-c", dir, "start"}, nil, err
}

func setupNSD(dir string, at netip.AddrPort) (args, env []string, err error) {
	path, err := write(dir, "nsd.conf", `server:
    server-count: 1
    ip-address: %[2]s@%[3]d
    username: ""
    round-robin: yes
    minimal-responses: yes
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
    database: ""
    zonesdir: "%[1]s"
    pidfile: "%[1]s/nsd.pid"
    xfrdfile: "%[1]s/xfrd.state"
    xfrdir: "%[1]s"
    zonelistfile: "%[1]s/zone.list"
    cookie-secret-file: "%[1]s/cookies"
remote-control:
    control-enable: no
zone:
    name: %[4]s
    zonefile: "../zone.db"
`, dir, at.Addr(), at.Port(), zoneName)
	return []string{"-d", "-c", path}, nil, err
}

func setupBIND(dir string, at netip.AddrPort) (args, env []string, err error) {
	// Updates are written to a journal beside the zone's file.
	if err := os.Link(filepath.Join(dir, "..", "zone.db"), filepath.Join(dir, "zone.db")); err != nil {
		return nil, nil, err
	}
	path, err := write(dir, "named.conf", `options {
  directory "%[1]s";
  listen-on port %[3]d { %[2]s; };
  listen-on-v6 { none; };
  pid-file "%[1]s/named.pid";
  session-keyfile "%[1]s/session.key";
  recursion no;
  dnssec-validation no;
  minimal-responses yes;
  notify no;
  max-journal-size 1m;
};
controls {};
zone "%[4]s" { type primary; file "zone.db"; allow-update { 127.0.0.0/8; }; };
`, dir, at.Addr(), at.Port(), zoneName)
	return []string{"-g", "-n", "1", "-4", "-c", path}, nil, err
}

func setupPowerDNS(dir string, at netip.AddrPort) (args, env []string, err error) {
	path, err := write(dir, "named.conf", `options { directory "%s"; };
zone "%s" { type master; file "../zone.db"; };
`, dir, zoneName)
	if err != nil {
		return nil, nil, err
	}
	_, err = write(dir, "pdns.conf", `launch=bind
bind-config=%[4]s
local-address=%[2]s
local-port=%[3]d
socket-dir=%[1]s
receiver-threads=1
distributor-threads=1
cache-ttl=20
guardian=no
daemon=no
disable-syslog=yes
write-pid=no
loglevel=3
max-tcp-connections=100
`, dir, at.Addr(), at.Port(), path)
	return []string{"--config-dir=" + dir}, nil, err
}

func setupCoreDNS(dir string, at netip.AddrPort) (args, env []string, err error) {
	path, err := write(dir, "Corefile", `%s:%d {
  bind %s
  loadbalance
  file %s
}
`, zoneName, at.Port(), at.Addr(), filepath.Join(dir, "..", "zone.db"))
	return []string{"-conf", path}, []string{"GOMAXPROCS=1"}, err
}
