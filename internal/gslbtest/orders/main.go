// SPDX-License-Identifier: Apache-2.0

// Command orders makes the overlay with which a seed of the simulator tells one
// story.
//
//	go run ./internal/gslbtest/orders DIR
//
// Virtual time leaves three things open: which goroutine that is ready runs first,
// which case of a select is taken, and in which order maps are read. The runtime draws
// them. The overlay lets it draw them from a number that the story gives, inside the
// bubble of testing/synctest only, and takes away what real time decides: preemption.
// It holds with GOMAXPROCS=1, for programs built with
// "-overlay DIR/overlay.json -tags orders"; `make sim` does. Nothing else is built so.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "orders:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: orders DIR")
	}
	src, err := sources()
	if err != nil {
		return err
	}
	return write(src, args[0])
}

// sources is the folder of Go's own sources.
func sources() (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("where Go is: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "src"), nil
}

// write puts the changed files and overlay.json into a folder.
func write(src, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	replace := map[string]string{}
	for file, edits := range changes() {
		from := filepath.Join(src, filepath.FromSlash(file))
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		changed, err := apply(string(text), edits)
		if err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		to := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(to, []byte(changed), 0o644); err != nil {
			return err
		}
		replace[from] = to
	}
	overlay, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o644)
}

// apply makes the edits, each of text that stands there once.
func apply(text string, edits []edit) (string, error) {
	for _, e := range edits {
		if n := strings.Count(text, e.old); n != 1 {
			return "", fmt.Errorf("%q stands there %d times, want once: this Go is not one that package orders knows", e.old, n)
		}
		text = strings.Replace(text, e.old, e.new, 1)
	}
	return text, nil
}
