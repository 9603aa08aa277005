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

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/meridian-gslb/meridian/hack/image/internal/oci"
)

// Who the process is: a number that no distribution gives to anybody.
const nonRoot = 65532

// architectures that can be asked for.
var architectures = []string{"amd64", "arm64"}

// meridian is what `image meridian` was asked to make.
type meridian struct {
	source, out, bin string
	repository, tag  string
	version          string
	archs            []string
	binariesOnly     bool
	progress         io.Writer
}

func newMeridian() *cobra.Command {
	m := meridian{progress: os.Stderr}
	cmd := &cobra.Command{
		Use:   "meridian",
		Short: "Make Meridian's image: docker-archives and an OCI layout",
		Long: `Compiles Meridian for each architecture into --bin/ARCH/meridian and packs it:

  OUT/meridian-linux-ARCH.tar  docker-archive, one for each architecture
  OUT/meridian.tar             link to the one of this machine
  OUT/oci/                     OCI layout with all of them

Everything in it bears the time SOURCE_DATE_EPOCH, or that of the last commit:
the same source gives the same bytes.`,
		Example: "  image meridian --source . --out bin/image --tag v1.2.3 --version v1.2.3",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return m.run(cmd.Context()) },
	}
	f := cmd.Flags()
	f.StringVar(&m.source, "source", ".", "folder of Meridian's source")
	f.StringVar(&m.out, "out", "", "folder for the images (default: SOURCE/bin/image)")
	f.StringVar(&m.bin, "bin", "", "folder for the binaries (default: SOURCE/bin/linux, where the Dockerfile looks)")
	f.StringVar(&m.repository, "repository", "ghcr.io/meridian-gslb/meridian", "name of the image")
	f.StringVar(&m.tag, "tag", "dev", "tag of the image")
	f.StringVar(&m.version, "version", "dev", "version that the binary tells")
	f.StringSliceVar(&m.archs, "arch", architectures, "architectures")
	f.BoolVar(&m.binariesOnly, "binaries", false, "only compile, for an engine that builds the Dockerfile")
	return cmd
}

func (m meridian) check() (meridian, error) {
	if _, err := os.Stat(filepath.Join(m.source, "cmd", "meridian")); err != nil {
		return m, usageError{fmt.Errorf("--source %s: no folder cmd/meridian there: name the top of Meridian's source", m.source)}
	}
	for _, a := range m.archs {
		if !slices.Contains(architectures, a) {
			return m, usageError{fmt.Errorf("--arch %s: have %s", a, strings.Join(architectures, ", "))}
		}
	}
	if len(m.archs) == 0 || strings.ContainsAny(m.version, " \t\n'\"") || m.version == "" {
		return m, usageError{errors.New("--arch and --version need a value, the version without spaces and quotes")}
	}
	if _, err := name.NewTag(m.ref(), name.StrictValidation); err != nil {
		return m, usageError{fmt.Errorf("--repository and --tag: %w", err)}
	}
	if m.out == "" {
		m.out = filepath.Join(m.source, "bin", "image")
	}
	if m.bin == "" {
		m.bin = filepath.Join(m.source, "bin", "linux")
	}
	return m, nil
}

func (m meridian) run(ctx context.Context) error {
	m, err := m.check()
	if err != nil {
		return err
	}
	for _, arch := range m.archs {
		start := time.Now()
		err := compilation{
			dir: m.source, pkg: "./cmd/meridian", arch: arch, out: m.binary(arch), ldflags: "-X main.version=" + m.version,
		}.run(ctx)
		if err != nil {
			return err
		}
		m.say(start, m.binary(arch))
	}
	if m.binariesOnly {
		return nil
	}
	return m.pack(ctx)
}

// pack makes an image of each binary and writes them.
func (m meridian) pack(ctx context.Context) error {
	created, err := sourceTime(ctx, m.source, os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	revision, err := git(ctx, m.source, "rev-parse", "HEAD")
	if err != nil {
		revision = "unknown" // a source archive has no history
	}
	if err := os.MkdirAll(m.out, 0o755); err != nil {
		return err
	}
	var images []v1.Image
	for _, arch := range m.archs {
		start := time.Now()
		img, err := m.spec(arch, revision, created).Build()
		if err != nil {
			return fmt.Errorf("image for linux/%s: %w", arch, err)
		}
		images = append(images, img)
		file := filepath.Join(m.out, "meridian-linux-"+arch+".tar")
		if err := oci.WriteArchive(file, m.ref(), img); err != nil {
			return err
		}
		m.say(start, file)
		if arch == runtime.GOARCH {
			if err := link(filepath.Base(file), filepath.Join(m.out, "meridian.tar")); err != nil {
				return err
			}
		}
	}
	start := time.Now()
	if err := oci.WriteLayout(filepath.Join(m.out, "oci"), m.ref(), m.labels(revision), images); err != nil {
		return err
	}
	m.say(start, filepath.Join(m.out, "oci"))
	_, err = fmt.Fprintln(m.progress, "image", m.ref())
	return err
}

// spec says what is in the image, as the Dockerfile does; a test compares them.
func (m meridian) spec(arch, revision string, created time.Time) oci.Spec {
	return oci.Spec{
		Arch: arch, Created: created, By: "hack/image meridian",
		Files: []oci.File{{Path: "/meridian", Mode: 0o755, From: m.binary(arch)}},
		Config: v1.Config{
			User:         fmt.Sprintf("%d:%d", nonRoot, nonRoot),
			Entrypoint:   []string{"/meridian"},
			Cmd:          []string{"serve"},
			Env:          []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, // as engines set it
			ExposedPorts: map[string]struct{}{"5353/udp": {}, "5353/tcp": {}, "8080/tcp": {}, "8081/tcp": {}},
			Labels:       m.labels(revision),
		},
	}
}

// labels are the annotations of the OCI image specification.
func (m meridian) labels(revision string) map[string]string {
	const prefix = "org.opencontainers.image."
	return map[string]string{
		prefix + "title":       "Meridian",
		prefix + "description": "Global server load balancing for Kubernetes, with its own authoritative DNS server",
		prefix + "licenses":    "Apache-2.0",
		prefix + "source":      "https://github.com/meridian-gslb/meridian",
		prefix + "version":     m.version,
		prefix + "revision":    revision,
	}
}

func (m meridian) binary(arch string) string { return filepath.Join(m.bin, arch, "meridian") }
func (m meridian) ref() string               { return m.repository + ":" + m.tag }

// say tells what was made and how long it took.
func (m meridian) say(start time.Time, file string) {
	fmt.Fprintf(m.progress, "%-40s %5.1f s\n", file, time.Since(start).Seconds())
}

// link makes or replaces a symbolic link.
func link(target, at string) error {
	if err := os.Remove(at); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(target, at)
}
