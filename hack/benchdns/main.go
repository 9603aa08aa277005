// SPDX-License-Identifier: Apache-2.0

// Command benchdns measures Meridian's DNS server beside those that are
// installed: BIND, Knot, NSD, PowerDNS, gdnsd and CoreDNS. All serve the same zone
// on loopback with one worker on the first processor, dnsperf asks from the
// second, and they take turns, so that what else the machine does meets all of
// them. `make bench-dns` runs it and writes the table of docs/benchmarks.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what the flags say.
type options struct {
	meridian, coredns string        // programs
	duration          time.Duration // of one measurement
	runs              int
	rate              int // questions a second while latency is measured
	servers           []string
	scenarios         []string
	doc               string // page whose table is replaced; "": none
	keep              bool
}

func main() {
	o := options{}
	var servers, scenarios string
	flag.StringVar(&o.meridian, "meridian", "bin/meridian", "the meridian binary")
	flag.StringVar(&o.coredns, "coredns", "", "a coredns binary; empty: none")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "of one measurement")
	flag.IntVar(&o.runs, "runs", 5, "measurements of each server and scenario")
	flag.IntVar(&o.rate, "rate", 20000, "questions a second while latency is measured")
	flag.StringVar(&servers, "servers", "", "only these: "+strings.Join(serverNames(), ","))
	flag.StringVar(&scenarios, "scenarios", "", "only these: "+strings.Join(scenarioNames(), ","))
	flag.StringVar(&o.doc, "doc", "", "page that gets the table, between its markers")
	flag.BoolVar(&o.keep, "keep", false, "keep the folder with configurations and logs")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "benchdns measures DNS servers side by side; run it with: make bench-dns")
		flag.PrintDefaults()
	}
	flag.Parse()
	o.servers, o.scenarios = list(servers), list(scenarios)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchdns:", err)
		os.Exit(1)
	}
}

// list splits what commas or spaces separate.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

func (o *options) check() error {
	if o.runs < 1 || o.duration < 100*time.Millisecond || o.rate < 1 {
		return errors.New("runs and rate are at least 1, duration at least 100ms")
	}
	for _, s := range o.servers {
		if !slices.Contains(serverNames(), s) {
			return fmt.Errorf("no server is called %q; there are %s", s, strings.Join(serverNames(), ", "))
		}
	}
	for _, s := range o.scenarios {
		if !slices.Contains(scenarioNames(), s) {
			return fmt.Errorf("no scenario is called %q; there are %s", s, strings.Join(scenarioNames(), ", "))
		}
	}
	for _, program := range []string{"dnsperf", "taskset"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is not installed, and nothing can be measured without it (Debian: dnsperf, util-linux)", program)
		}
	}
	return nil
}

// run measures and writes the table; whatever happens, all that was started is
// stopped.
func run(ctx context.Context, o options, out io.Writer) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	for _, program := range []*string{&o.meridian, &o.coredns} {
		if *program == "" {
			continue
		}
		if *program, err = filepath.Abs(*program); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "benchdns-")
	if err != nil {
		return err
	}
	b := &bench{options: o, dir: dir, out: out, began: time.Now()}
	defer func() {
		b.stop()
		if o.keep || err != nil {
			fmt.Fprintln(out, "configurations and logs are kept in", dir)
			return
		}
		err = os.RemoveAll(dir)
	}()
	if err := b.start(ctx); err != nil {
		return err
	}
	results, err := b.measure(ctx)
	if err != nil {
		return err
	}
	page := b.report(ctx, results)
	fmt.Fprint(out, "\n", page)
	if o.doc == "" {
		return nil
	}
	return replaceInPage(o.doc, page)
}
