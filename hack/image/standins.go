// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

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

// podinfo is the application, built from its Go module; podinfo/go.mod pins it.
func podinfo() standIn {
	return standIn{
		name: "podinfo", ref: "ghcr.io/stefanprodan/podinfo:6.9.2",
		config: v1.Config{
			Cmd: []string{"./podinfo"}, User: fmt.Sprintf("%d:%d", podinfoUser, podinfoGroup), WorkingDir: "/home/app",
			Env: []string{path}, ExposedPorts: ports("9898/tcp"),
		},
		from: podinfoFiles,
	}
}

func podinfoFiles(ctx context.Context, p playground) ([]oci.File, error) {
	const module = "github.com/stefanprodan/podinfo"
	dir := filepath.Join(p.source, "hack", "image", "podinfo")
	files := accounts(account{"app", podinfoUser, podinfoGroup, "/home/app"})
	files = append(files, folder("/home/app", podinfoUser, podinfoGroup), temporary())
	for _, at := range []string{"/home/app/podinfo", "/usr/local/bin/podcli"} {
		program := filepath.Base(at)
		out := filepath.Join(p.work, program)
		if err := (compilation{dir: dir, pkg: module + "/cmd/" + program, arch: runtime.GOARCH, out: out}).run(ctx); err != nil {
			return nil, err
		}
		files = append(files, oci.File{Path: at, Mode: 0o755, UID: podinfoUser, GID: podinfoGroup, From: out})
	}
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module)
	cmd.Dir = dir
	found, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("finding %s: %w", module, err)
	}
	page := filepath.Join(strings.TrimSpace(string(found)), "ui", "vue.html")
	return append(files, oci.File{Path: "/home/app/ui/vue.html", Mode: 0o644, UID: podinfoUser, GID: podinfoGroup, From: page}), nil
}

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
			files, err := p.packages(ctx, []string{"bind9-dnsutils", "bind9-host", "curl", "busybox-static"}, []string{
				"/usr/bin/dig", "/usr/bin/delv", "/usr/bin/host", "/usr/bin/nslookup", "/usr/bin/nsupdate", "/usr/bin/curl", "/bin/busybox",
			})
			if err != nil {
				return nil, err
			}
			files = append(files, accounts()...)
			files = append(files, folder("/root", 0, 0))
			return withApplets(ctx, files)
		},
	}
}

// prometheus is the monitoring system.
func prometheus() standIn {
	return standIn{
		name: "prometheus", ref: "prom/prometheus:v3.5.0",
		config: v1.Config{
			Entrypoint: []string{"/bin/prometheus"},
			Cmd:        []string{"--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"},
			User:       fmt.Sprintf("%d:%d", nobody, nobody), WorkingDir: "/prometheus", Env: []string{path},
			ExposedPorts: ports("9090/tcp"), Volumes: set("/prometheus"),
		},
		from: func(ctx context.Context, p playground) ([]oci.File, error) {
			files, err := p.packages(ctx, []string{"prometheus", "busybox-static"}, []string{
				"/usr/bin/prometheus", "/usr/bin/promtool", "/usr/share/prometheus", "/bin/busybox",
			})
			if err != nil {
				return nil, err
			}
			files = append(files, accounts()...)
			files = append(files, folder("/etc/prometheus", nobody, nobody), folder("/prometheus", nobody, nobody),
				text("/etc/prometheus/prometheus.yml", "scrape_configs: [{job_name: prometheus, static_configs: [{targets: ['localhost:9090']}]}]\n"),
				symlink("/bin/prometheus", "/usr/bin/prometheus"), symlink("/bin/promtool", "/usr/bin/promtool"))
			return withApplets(ctx, files)
		},
	}
}
