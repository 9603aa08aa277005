// SPDX-License-Identifier: Apache-2.0

package kplane

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// buildFlags are fixed, and so is the environment: each other choice would be
// another cache entry of each of 2,700 packages.
var buildFlags = []string{"-trimpath", "-buildvcs=false"}

func (b *builder) compile(ctx context.Context, to string) error {
	full, minor, err := version(b.source)
	if err != nil {
		return err
	}
	goPath, err := goCommand()
	if err != nil {
		return err
	}
	partial := to + ".partial"
	args := slices.Concat([]string{"build", "-v"}, buildFlags,
		[]string{"-ldflags", linkerFlags(full, minor), "-o", partial, "."})
	cmd := exec.CommandContext(ctx, goPath, args...)
	cmd.Dir = b.source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "PWD="+b.source)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // lets go remove its work folder
	cmd.WaitDelay = 5 * time.Second
	meter := &meter{}
	cmd.Stdout, cmd.Stderr = meter, meter
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	err = b.narrate(done, func() string {
		return fmt.Sprintf("building Kubernetes %s from Go modules (about 6 minutes the first time): %s, %s",
			full, time.Since(began).Round(time.Second), meter)
	})
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("stopped: %w", context.Cause(ctx))
		}
		return fmt.Errorf("go build in %s: %w\n%s", b.source, err, meter.words())
	}
	fmt.Fprintf(b.progress, "built Kubernetes %s in %s: %s\n", full, time.Since(began).Round(time.Second), to)
	return os.Rename(partial, to)
}

// linkerFlags make the programs tell their version, as upstream's builds do.
func linkerFlags(full, minor string) string {
	const variables = "k8s.io/component-base/version."
	return strings.Join([]string{
		"-s", "-w",
		"-X", variables + "gitVersion=" + full,
		"-X", variables + "gitMajor=1",
		"-X", variables + "gitMinor=" + minor,
		"-X", variables + "gitTreeState=clean",
		"-X", variables + "buildDate=1970-01-01T00:00:00Z",
	}, " ")
}

// narrate prints a line now and then until there is a result, and returns it.
func (b *builder) narrate(result <-chan error, line func() string) error {
	tick := time.NewTicker(b.every)
	defer tick.Stop()
	for {
		select {
		case err := <-result:
			return err
		case <-tick.C:
			fmt.Fprintln(b.progress, line())
		}
	}
}

// A meter reads what `go build -v` prints: the path of each package when it is
// compiled, "go: downloading" lines, and errors, of which it keeps the last.
type meter struct {
	mu                  sync.Mutex
	rest                []byte
	packages, downloads int
	last                []string
}

var _ io.Writer = (*meter)(nil)

// Write implements io.Writer.
func (m *meter) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rest = append(m.rest, p...)
	for {
		line, rest, ok := bytes.Cut(m.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		m.rest = rest
		m.count(string(line))
	}
}

func (m *meter) count(line string) {
	const kept = 20
	switch {
	case strings.HasPrefix(line, "go: downloading "):
		m.downloads++
	case line != "" && !strings.ContainsAny(line, " :\t#"):
		m.packages++
	default:
		m.last = append(m.last, line)
		m.last = m.last[max(0, len(m.last)-kept):]
	}
}

// String says how far the build is.
func (m *meter) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.packages == 0 {
		return fmt.Sprintf("%d modules downloaded", m.downloads)
	}
	return fmt.Sprintf("%d packages", m.packages)
}

// words returns the last lines that were neither packages nor downloads.
func (m *meter) words() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	words := strings.Join(append(m.last, string(m.rest)), "\n")
	if strings.TrimSpace(words) == "" {
		return "it printed nothing"
	}
	return words
}
