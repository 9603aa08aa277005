// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Processors: servers work on the first, dnsperf and all else on the second.
const (
	serverCPU = "0"
	loadCPU   = "1"
)

// tick is the unit of times in /proc.
const tick = 10 * time.Millisecond

// process is a server that was started, with the processes that it started.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
}

// launch starts a program on the servers' processor.
func launch(log string, env []string, argv ...string) (*process, error) {
	f, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // the program has its own handle
	cmd := exec.Command("taskset", append([]string{"-c", serverCPU}, argv...)...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = f, f, filepath.Dir(log)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is of no interest
		close(p.done)
	}()
	return p, nil
}

// stop ends the process, and what it started.
func (p *process) stop() {
	group := -p.cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // the same
	<-p.done
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// tail gives the end of the log.
func (p *process) tail() string { return tailOf(p.log) }

func tailOf(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}

// cpuTime is what a server used.
type cpuTime struct{ user, system time.Duration }

func (c cpuTime) minus(d cpuTime) cpuTime { return cpuTime{c.user - d.user, c.system - d.system} }

func (c cpuTime) total() time.Duration { return c.user + c.system }

// cpu adds up the process and those of its group.
func (p *process) cpu() (cpuTime, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return cpuTime{}, err
	}
	var sum cpuTime
	found := false
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it ended
		}
		group, used, ok := parseStat(b)
		if ok && group == p.cmd.Process.Pid {
			sum.user += used.user
			sum.system += used.system
			found = true
		}
	}
	if !found {
		return sum, fmt.Errorf("the server has ended:\n%s", p.tail())
	}
	return sum, nil
}

// parseStat reads /proc/PID/stat: the process group, and the time used.
func parseStat(b []byte) (group int, used cpuTime, ok bool) {
	_, rest, found := bytes.Cut(b[max(0, bytes.LastIndexByte(b, ')')):], []byte(") "))
	f := strings.Fields(string(rest))
	if !found || len(f) < 13 {
		return 0, cpuTime{}, false
	}
	group, err1 := strconv.Atoi(f[2])
	user, err2 := strconv.ParseInt(f[11], 10, 64)
	system, err3 := strconv.ParseInt(f[12], 10, 64)
	return group, cpuTime{time.Duration(user) * tick, time.Duration(system) * tick}, err1 == nil && err2 == nil && err3 == nil
}

var versionNumber = regexp.MustCompile(`[0-9]+\.[0-9]+[^\s,)]*`)

// versionOf gives the version that a program prints; the line that it prints, if
// there is no number in it.
func versionOf(ctx context.Context, argv ...string) string {
	all := output(ctx, argv...)
	if v := versionNumber.FindString(all); v != "" {
		return v
	}
	line, _, _ := strings.Cut(strings.TrimSpace(all), "\n")
	return line
}

// output gives what a program prints, without caring how it ends.
func output(ctx context.Context, argv ...string) string {
	b, _ := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput() // some exit with 1 on --version
	return string(b)
}
