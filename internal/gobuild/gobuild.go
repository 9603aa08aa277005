// SPDX-License-Identifier: Apache-2.0

// Package gobuild compiles programs of the tree for tests and labs, all in one
// way, so that what they share is compiled once: without C, without paths of
// this machine. It does not make releases; hack/image does.
package gobuild

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build compiles package pkg, as seen from folder dir (of the module that it belongs to;
// "" is the current one), to the file at path to. An error holds what the compiler said.
func Build(ctx context.Context, dir, pkg, to string) error {
	return BuildTagged(ctx, dir, pkg, to, "")
}

// BuildTagged is Build with build tags, separated by commas.
func BuildTagged(ctx context.Context, dir, pkg, to, tags string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", tags, "-o", to, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if filepath.IsAbs(dir) { // as it is written, where it is a link
		cmd.Env = append(cmd.Env, "PWD="+dir)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w: %s", pkg, err, out)
	}
	return nil
}
