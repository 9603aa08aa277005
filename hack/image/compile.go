// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A compilation makes one static linux binary from Go source. The same source
// gives the same bytes, wherever it lies.
type compilation struct {
	dir     string // folder of the module
	pkg     string // what to build
	arch    string
	ldflags string
	tags    string
	out     string
}

func (c compilation) run(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(c.out), 0o755); err != nil {
		return err
	}
	out, err := filepath.Abs(c.out)
	if err != nil {
		return err
	}
	// No stamp of the work tree: whether another file is changed must not show in the bytes.
	args := []string{"build", "-trimpath", "-buildvcs=false", "-tags", c.tags, "-ldflags", "-s -w " + c.ldflags, "-o", out, c.pkg}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = c.dir
	cmd.Env = append(slices.Clone(os.Environ()), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+c.arch,
		"GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building %s for linux/%s: %w", c.pkg, c.arch, err)
	}
	return os.Chmod(out, 0o755)
}

// sourceTime is the time that a build of this source bears: SOURCE_DATE_EPOCH
// (reproducible-builds.org), else that of the last commit.
func sourceTime(ctx context.Context, dir, epoch string) (time.Time, error) {
	from := "SOURCE_DATE_EPOCH"
	if epoch == "" {
		from = "the time of the last commit"
		out, err := git(ctx, dir, "log", "-1", "--format=%ct")
		if err != nil {
			return time.Time{}, fmt.Errorf("%w; outside a git work tree set SOURCE_DATE_EPOCH to seconds since 1970", err)
		}
		epoch = out
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil || seconds <= 0 {
		return time.Time{}, fmt.Errorf("%s is %q: write seconds since 1970", from, epoch)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// git runs one question to git and gives its trimmed answer.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stderr = dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
