// SPDX-License-Identifier: Apache-2.0

package gobuild

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// A Binary is a program of the tree that all tests of a package share. Its zero value is
// ready for Main.
type Binary struct {
	Path string
	Err  error // why it could not be built: for tests to look at
}

// Main is what a TestMain does that needs package pkg, as seen from the folder of the
// test: it builds it, runs the tests, and removes what it built. It returns the exit code.
func (b *Binary) Main(m interface{ Run() int }, pkg string) int {
	dir, err := os.MkdirTemp("", "meridian-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	b.Path = filepath.Join(dir, filepath.Base(pkg))
	b.Err = Build(context.Background(), "", pkg, b.Path)
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}
