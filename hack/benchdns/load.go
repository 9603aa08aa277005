// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// load is what one run of dnsperf says.
type load struct {
	sent, completed int
	rcodes          string
	qps             float64
	latencies       []time.Duration // sorted, of runs at a fixed rate
}

// ask lets dnsperf ask a server for a while, as fast as 200 open questions allow,
// or at a fixed rate.
func ask(ctx context.Context, dir string, at netip.AddrPort, s *scenario, length time.Duration, rate int) (load, error) {
	args := []string{
		"-c", loadCPU, "dnsperf", "-s", at.Addr().String(), "-p", strconv.Itoa(int(at.Port())), "-d", filepath.Join(dir, s.questions),
		"-l", strconv.FormatFloat(length.Seconds(), 'f', 3, 64), "-c", "4", "-T", "1", "-q", "200", "-t", "2",
	}
	if rate > 0 {
		args = append(args, "-v", "-Q", strconv.Itoa(rate))
	}
	// Into a file: reading a pipe would be work beside dnsperf; and into one in
	// memory: it would wait for a disk, and what it measures with it.
	file := filepath.Join(dir, "dnsperf.out")
	if fi, err := os.Stat("/dev/shm"); err == nil && fi.IsDir() {
		file = "/dev/shm/" + filepath.Base(dir) + ".out"
		defer os.Remove(file) //nolint:errcheck // the next one replaces it
	}
	f, err := os.Create(file)
	if err != nil {
		return load{}, err
	}
	cmd := exec.CommandContext(ctx, "taskset", append(args, s.dnsperf...)...)
	cmd.Stdout, cmd.Stderr = f, f
	err = errors.Join(cmd.Run(), f.Close())
	if err != nil {
		return load{}, fmt.Errorf("dnsperf: %w\n%s", err, tailOf(file))
	}
	out, err := os.Open(file)
	if err != nil {
		return load{}, err
	}
	defer out.Close() //nolint:errcheck // it was only read
	l, err := parseLoad(bufio.NewScanner(out))
	if err != nil {
		return load{}, fmt.Errorf("dnsperf: %w\n%s", err, tailOf(file))
	}
	return l, nil
}

var (
	perfNumber = regexp.MustCompile(`^\s*(Queries sent|Queries completed|Queries per second|Response codes): +(\S.*)$`)
	perfAnswer = regexp.MustCompile(`^> \S+ \S+ \S+ ([0-9.]+)$`)
)

// parseLoad reads what dnsperf printed.
func parseLoad(lines *bufio.Scanner) (l load, err error) {
	for lines.Scan() {
		line := lines.Text()
		if m := perfAnswer.FindStringSubmatch(line); m != nil {
			seconds, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				return l, err
			}
			l.latencies = append(l.latencies, time.Duration(seconds*1e9))
			continue
		}
		m := perfNumber.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		first, _, _ := strings.Cut(m[2], " ")
		switch m[1] {
		case "Queries sent":
			l.sent, err = strconv.Atoi(first)
		case "Queries completed":
			l.completed, err = strconv.Atoi(first)
		case "Queries per second":
			l.qps, err = strconv.ParseFloat(first, 64)
		case "Response codes":
			l.rcodes = m[2]
		}
		if err != nil {
			return l, err
		}
	}
	if err := lines.Err(); err != nil {
		return l, err
	}
	if l.completed == 0 {
		return l, errors.New("no question was answered")
	}
	slices.Sort(l.latencies)
	return l, nil
}

// quantile gives the q-th part of sorted values.
func quantile[T any](sorted []T, q float64) T {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// median gives the middle of values in any order.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}
