// SPDX-License-Identifier: Apache-2.0

// Command kplanectl builds real Kubernetes clusters from this source tree and
// runs them:
//
//	go run ./internal/kplane/kplanectl build    builds if need be, prints the path of the binary
//	go run ./internal/kplane/kplanectl assets   the same; prints a folder for KUBEBUILDER_ASSETS
//	go run ./internal/kplane/kplanectl up --clusters eu,us --dir DIR
//	go run ./internal/kplane/kplanectl kubectl ...
//
// The last two, and every other program of the binary, replace this process.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/meridian-gslb/meridian/internal/kplane"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: kplanectl build | assets | up FLAG... | kubectl ARG... | PROGRAM ARG...")
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	path, err := kplane.Binary(ctx)
	switch {
	case err != nil:
	case args[0] == "build":
		fmt.Println(path)
		return 0
	case args[0] == "assets":
		if path, err = kplane.Assets(ctx); err == nil {
			fmt.Println(path)
			return 0
		}
	default:
		stop()
		err = syscall.Exec(path, append([]string{"kplane"}, args...), os.Environ())
	}
	fmt.Fprintln(os.Stderr, "kplanectl:", err)
	return 1
}
