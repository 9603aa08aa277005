// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/meridian-gslb/meridian/hack/image/internal/oci"
)

// path is what engines give a process.
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Users, as the images have them that we stand in for.
const (
	podinfoUser, podinfoGroup = 100, 101
	bindUser                  = 53
	nobody                    = 65534
)

// bind is the edge's name server.
func bind() standIn {
	return standIn{
		name: "bind", ref: "internetsystemsconsortium/bind9:9.20",
		config: v1.Config{
			Entrypoint:   []string{"/usr/sbin/named", "-u", "bind"},
			Cmd:          []string{"-f", "-c", "/etc/bind/named.conf", "-L", "/var/log/bind/default.log"},
			Env:          []string{path, "LC_ALL=C.UTF-8"},
			ExposedPorts: ports("53/udp", "53/tcp", "953/tcp", "853/tcp", "443/tcp"),
			Volumes:      set("/etc/bind", "/var/cache/bind", "/var/lib/bind", "/var/log"),
		},
		from: func(ctx context.Context, p playground) ([]oci.File, error) {
			files, err := p.packages(ctx, []string{"bind9", "bind9-utils", "bind9-dnsutils", "busybox-static"}, []string{
				"/usr/sbin/named", "/usr/sbin/rndc", "/usr/bin/named-checkconf", "/usr/bin/named-checkzone", "/usr/bin/named-journalprint",
				"/usr/bin/dig", "/usr/bin/nsupdate", "/bin/busybox",
			})
			if err != nil {
				return nil, err
			}
			files = append(files, accounts(account{"bind", bindUser, bindUser, "/var/cache/bind"})...)
			for _, d := range []string{"/var/cache/bind", "/var/lib/bind", "/var/log/bind", "/run/named"} {
				files = append(files, folder(d, bindUser, bindUser))
			}
			files = append(files, folder("/etc/bind", 0, bindUser), symlink("/var/run", "/run"),
				text("/etc/bind/named.conf", "options { directory \"/var/cache/bind\"; listen-on { any; }; listen-on-v6 { any; }; recursion no; };\n"))
			return withApplets(ctx, files)
		},
	}
}

// dnstools is a shell with tools that ask.
func dnstools() standIn {
	return standIn{
		name: "dnstools", ref: "infoblox/dnstools:latest",
		config: v1.Config{Entrypoint: []string{"/bin/sh"}, Env: []string{path, "PS1=dnstools# "}},
		from: func(ctx context.Context, p playground) ([]oci.File, error) {
			files, err := p.packages(ctx, []string{"bind9-dnsutils", "bind9-host", "curl", "bash", "busybox-static"}, []string{
				"/usr/bin/dig", "/usr/bin/delv", "/usr/bin/host", "/usr/bin/nslookup", "/usr/bin/nsupdate", "/usr/bin/curl", "/bin/bash", "/bin/busybox",
			})
			if err != nil {
				return nil, err
			}
			files = append(files, accounts()...)
			// Busybox' own shell would run its own nslookup and wget instead of what is in the PATH.
			files = append(files, folder("/root", 0, 0), symlink("/bin/sh", "/bin/bash"))
			return withApplets(ctx, files)
		},
	}
}
