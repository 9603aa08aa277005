// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/launcher"
)

// up starts clusters and runs until it is told to stop.
func up(ctx context.Context, args []string) int {
	config, untilEOF, err := upConfig(args)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kplane up:", err)
		return exitUsage
	}
	if config.Binary, err = os.Executable(); err != nil {
		fmt.Fprintln(os.Stderr, "kplane up:", err)
		return exitFailed
	}
	config.Out = os.Stdout
	config.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	config.Revive = onHangup(ctx)
	if untilEOF {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // however it ends
			cancel()
		}()
	}
	l, err := launcher.New(config)
	if err != nil {
		fmt.Fprintln(os.Stderr, "kplane up:", err)
		return exitUsage
	}
	if err := l.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "kplane up:", err)
		return exitFailed
	}
	return exitOK
}

func upConfig(args []string) (config launcher.Config, untilEOF bool, err error) {
	fs := flag.NewFlagSet("kplane up", flag.ContinueOnError)
	clusters := fs.String("clusters", "", "names of the clusters, separated by commas (required)")
	fs.StringVar(&config.Dir, "dir", "", "folder for data, logs and kubeconfigs (required)")
	base := fs.String("base", "127.0.71.0", "the first cluster's /24; the others have those behind it")
	fs.IntVar(&config.HTTPPort, "http-port", 0, "port of the ingress addresses; 0: 80 if it can be bound, else 8080")
	fs.BoolVar(&config.ExternalNodes, "external-nodes", false,
		"the nodes are kubelets that somebody else runs: with kube-scheduler and all controllers, and without Pods of our own")
	fs.StringVar(&config.Controllers, "controllers", "",
		"controllers that kube-controller-manager runs (default "+launcher.DefaultControllers+"; with --external-nodes all)")
	apiserver := fs.String("apiserver-args", "", "more flags for kube-apiserver, separated by spaces")
	fs.DurationVar(&config.Timeout, "timeout", 0, "how long the start of a cluster may take (default 2m)")
	fs.BoolVar(&untilEOF, "until-eof", false, "stop when standard input ends too: with whoever holds its other side")
	fs.SetOutput(io.Discard)
	if err := fs.Parse(args); err != nil {
		fs.SetOutput(os.Stderr)
		fs.PrintDefaults()
		return config, false, err
	}
	if fs.NArg() > 0 {
		return config, false, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if *clusters != "" {
		config.Clusters = strings.Split(*clusters, ",")
	}
	config.APIServerArgs = strings.Fields(*apiserver)
	config.Base, err = netip.ParseAddr(*base)
	if err != nil {
		return config, false, fmt.Errorf("--base %q: want the address of a /24, such as 127.0.71.0", *base)
	}
	return config, untilEOF, nil
}

// onHangup turns SIGHUP into events; several that wait are one.
func onHangup(ctx context.Context) <-chan struct{} {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	events := make(chan struct{}, 1)
	go func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
			}
			select {
			case events <- struct{}{}:
			default:
			}
		}
	}()
	return events
}
