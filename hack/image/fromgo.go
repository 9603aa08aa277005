// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/meridian-gslb/meridian/hack/image/internal/oci"
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
	at, err := moduleFolder(ctx, dir, module)
	if err != nil {
		return nil, err
	}
	files := accounts(account{"app", podinfoUser, podinfoGroup, "/home/app"})
	files = append(files, folder("/home/app", podinfoUser, podinfoGroup), temporary())
	for _, to := range []string{"/home/app/podinfo", "/usr/local/bin/podcli"} {
		program := filepath.Base(to)
		out := p.program(program)
		if err := (compilation{dir: dir, pkg: module + "/cmd/" + program, arch: runtime.GOARCH, out: out}).run(ctx); err != nil {
			return nil, err
		}
		files = append(files, oci.File{Path: to, Mode: 0o755, UID: podinfoUser, GID: podinfoGroup, From: out})
	}
	page := oci.File{Path: "/home/app/ui/vue.html", Mode: 0o644, UID: podinfoUser, GID: podinfoGroup, From: filepath.Join(at, "ui", "vue.html")}
	return append(files, page), nil
}

// prometheusVersion is the one that prometheus/go.mod pins: its module's v0.312.0
// is 3.12.0. It is the first that can be built without all service discoveries.
const prometheusVersion = "3.12.0"

// prometheus is the monitoring system, built from its Go module, for
// Debian's cannot discover Pods. It has no web page, which is not in the module;
// the API is there.
func prometheus() standIn {
	return standIn{
		name: "prometheus", ref: "prom/prometheus:v3.5.0",
		config: v1.Config{
			Entrypoint: []string{"/bin/prometheus"},
			Cmd:        []string{"--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"},
			User:       fmt.Sprintf("%d:%d", nobody, nobody), WorkingDir: "/prometheus", Env: []string{path},
			ExposedPorts: ports("9090/tcp"), Volumes: set("/prometheus"),
		},
		from: prometheusFiles,
	}
}

func prometheusFiles(ctx context.Context, p playground) ([]oci.File, error) {
	const module = "github.com/prometheus/prometheus"
	dir := filepath.Join(p.source, "hack", "image", "prometheus")
	out := p.program("prometheus")
	// Most service discoveries are the libraries of clouds, which would make the build several times as long.
	err := compilation{
		dir: dir, pkg: module + "/cmd/prometheus", arch: runtime.GOARCH, out: out,
		tags: "remove_all_sd,enable_kubernetes_sd,enable_dns_sd", ldflags: "-X github.com/prometheus/common/version.Version=" + prometheusVersion,
	}.run(ctx)
	if err != nil {
		return nil, err
	}
	files, err := p.packages(ctx, []string{"busybox-static"}, []string{"/bin/busybox"})
	if err != nil {
		return nil, err
	}
	files = append(files, accounts()...)
	files = append(files, folder("/etc/prometheus", nobody, nobody), folder("/prometheus", nobody, nobody),
		text("/etc/prometheus/prometheus.yml", "scrape_configs: [{job_name: prometheus, static_configs: [{targets: ['localhost:9090']}]}]\n"),
		oci.File{Path: "/bin/prometheus", Mode: 0o755, From: out})
	return withApplets(ctx, files)
}

// moduleFolder is where the source of a module that dir's go.mod names lies; it
// is downloaded if need be.
func moduleFolder(ctx context.Context, dir, module string) (string, error) {
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	cmd.Dir, cmd.Stderr = dir, &stderr
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("downloading %s: %w: %s", module, err, strings.TrimSpace(stderr.String()))
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(out, &m); err != nil {
		return "", fmt.Errorf("downloading %s: %w", module, err)
	}
	return m.Dir, nil
}
