// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/meridian-gslb/meridian/hack/image/internal/debian"
	"github.com/meridian-gslb/meridian/hack/image/internal/oci"
)

// A standIn is an image that takes the place of one that cannot be pulled: the
// same reference, entry point, user and folders, so that manifests need no
// change. It is for playgrounds on the machine that made it, never for a registry.
type standIn struct {
	name   string // of the archive
	ref    string // of the image that it stands in for
	config v1.Config
	from   func(ctx context.Context, p playground) ([]oci.File, error) // what is in it
}

// standIns are all of them.
func standIns() []standIn { return []standIn{podinfo(), bind(), dnstools(), prometheus()} }

// playground is what `image playground` was asked to make.
type playground struct {
	source, out, cache string
	only               []string
	work               string // folder for this run
	progress           io.Writer
}

func newPlayground() *cobra.Command {
	p := playground{progress: os.Stderr}
	cmd := &cobra.Command{
		Use:   "playground",
		Short: "Make stand-ins of the images that the playground uses",
		Long: `Makes docker-archives of this machine's architecture under the references that
the playground's manifests name, for machines that cannot pull them:

  OUT/podinfo.tar     ghcr.io/stefanprodan/podinfo:6.9.2, from its Go module
  OUT/bind.tar        internetsystemsconsortium/bind9:9.20, from Debian's bind9
  OUT/dnstools.tar    infoblox/dnstools:latest, from Debian's bind9-dnsutils, curl, bash, busybox
  OUT/prometheus.tar  prom/prometheus:v3.5.0, from its Go module

They are for a playground on this machine and must not be published: BIND and
Prometheus are of other versions, and Prometheus has no web page.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.run(cmd.Context()) },
	}
	f := cmd.Flags()
	f.StringVar(&p.source, "source", ".", "folder of Meridian's source")
	f.StringVar(&p.out, "out", "", "folder for the images (default: SOURCE/bin/image)")
	f.StringVar(&p.cache, "cache", "", "folder that keeps packages and programs (default: meridian/playground in the user's cache folder)")
	f.StringSliceVar(&p.only, "only", nil, "names of the images to make (default: all)")
	return cmd
}

func (p playground) check() (playground, error) {
	names := make([]string, 0, len(standIns()))
	for _, s := range standIns() {
		names = append(names, s.name)
	}
	for _, o := range p.only {
		if !slices.Contains(names, o) {
			return p, usageError{fmt.Errorf("--only %s: have %s", o, strings.Join(names, ", "))}
		}
	}
	if runtime.GOOS != "linux" {
		return p, errors.New("stand-ins are made on linux; elsewhere pull the images that they stand in for")
	}
	if p.out == "" {
		p.out = filepath.Join(p.source, "bin", "image")
	}
	if p.cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return p, fmt.Errorf("no cache folder (%w): name one with --cache", err)
		}
		p.cache = filepath.Join(dir, "meridian", "playground")
	}
	return p, nil
}

func (p playground) run(ctx context.Context) error {
	p, err := p.check()
	if err != nil {
		return err
	}
	created, err := sourceTime(ctx, p.source, os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(p.out, 0o755); err != nil {
		return err
	}
	if p.work, err = os.MkdirTemp("", "meridian-image-"); err != nil {
		return err
	}
	defer os.RemoveAll(p.work) //nolint:errcheck // a temporary folder
	for _, s := range standIns() {
		if len(p.only) > 0 && !slices.Contains(p.only, s.name) {
			continue
		}
		if err := p.make(ctx, s, created); err != nil {
			return fmt.Errorf("image %s: %w", s.name, err)
		}
	}
	return nil
}

func (p playground) make(ctx context.Context, s standIn, created time.Time) error {
	start := time.Now()
	files, err := s.from(ctx, p)
	if err != nil {
		return err
	}
	s.config.Labels = map[string]string{
		"org.opencontainers.image.title":       s.name,
		"org.opencontainers.image.description": "Stand-in of " + s.ref + " for a playground on the machine that made it; not to be published",
	}
	img, err := oci.Spec{
		Arch: runtime.GOARCH, Files: files, Config: s.config, Created: created, By: "hack/image playground", Fast: true,
	}.Build()
	if err != nil {
		return err
	}
	file := filepath.Join(p.out, s.name+".tar")
	if err := oci.WriteArchive(file, s.ref, img); err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.progress, "%-14s %-42s %5.1f MiB %5.1f s\n", s.name+".tar", s.ref, float64(info.Size())/(1<<20), time.Since(start).Seconds())
	return nil
}

// program is where a program that we build is kept, so that it is linked anew
// only when it has changed.
func (p playground) program(name string) string {
	return filepath.Join(p.cache, "programs", runtime.GOARCH, name)
}

// packages gives the files that match the patterns, of the named packages and
// their libraries, with all that these files need.
func (p playground) packages(ctx context.Context, names, patterns []string) ([]oci.File, error) {
	if err := errors.Join(debian.Available(), debian.Update(ctx)); err != nil {
		return nil, err
	}
	all, err := debian.WithLibraries(ctx, names)
	if err != nil {
		return nil, err
	}
	debs, err := debian.Fetch(ctx, filepath.Join(p.cache, "packages"), all)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(p.work, "tree-")
	if err != nil {
		return nil, err
	}
	if err := debian.Unpack(ctx, debs, dir); err != nil {
		return nil, err
	}
	paths, err := debian.Tree(dir).Take(patterns...)
	if err != nil {
		return nil, err
	}
	return fromTree(dir, paths)
}

// fromTree makes image files of paths in an unpacked tree; all belong to root.
func fromTree(dir string, paths []string) ([]oci.File, error) {
	files := make([]oci.File, 0, len(paths))
	for _, at := range paths {
		host := filepath.Join(dir, filepath.FromSlash(at))
		info, err := os.Lstat(host)
		if err != nil {
			return nil, err
		}
		f := oci.File{Path: at, Mode: info.Mode().Perm(), From: host}
		if info.Mode()&os.ModeSymlink != 0 {
			f.From = ""
			if f.Link, err = os.Readlink(host); err != nil {
				return nil, err
			}
		}
		files = append(files, f)
	}
	return files, nil
}
