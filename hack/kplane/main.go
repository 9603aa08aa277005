// SPDX-License-Identifier: Apache-2.0

// Command kplane is real Kubernetes clusters in one file, for development and
// tests: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet,
// kube-proxy and kubectl as upstream wrote them, and two programs of ours, `up`
// (starts clusters) and `node` (one node without a container runtime). It picks
// the program by its own name, so that symbolic links work, or else by its first
// argument. README.md says more.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run()) }

func run() int {
	programs := upstream()
	programs["up"] = ours(up)
	programs["node"] = ours(runNode)
	programs["help"] = func() int {
		usage(os.Stdout, programs)
		return exitOK
	}
	if program, ok := programs[filepath.Base(os.Args[0])]; ok {
		return program()
	}
	if len(os.Args) > 1 {
		if program, ok := programs[strings.TrimLeft(os.Args[1], "-")]; ok {
			os.Args = os.Args[1:] // the programs read it
			return program()
		}
		fmt.Fprintf(os.Stderr, "kplane: no program %q\n", os.Args[1])
	}
	usage(os.Stderr, programs)
	return exitUsage
}

// ours runs a program of this repository: with its arguments, until it is told to stop.
func ours(program func(ctx context.Context, args []string) int) func() int {
	return func() int {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		return program(ctx, os.Args[1:])
	}
}

func usage(to *os.File, programs map[string]func() int) {
	fmt.Fprintf(to, "usage: kplane PROGRAM [FLAG...]\nprograms: %s\nstart with: kplane up --clusters eu,us --dir DIR\n",
		strings.Join(slices.Sorted(maps.Keys(programs)), ", "))
}
