// SPDX-License-Identifier: Apache-2.0

package kplane

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Cluster is one running cluster, and how to reach and to hurt it.
type Cluster struct {
	Name             string       `json:"cluster"`
	Kubeconfig       string       `json:"kubeconfig"` // path; the only context has the cluster's name
	Server           string       `json:"server"`     // URL of the API
	Network          netip.Prefix `json:"network"`    // its /24; see hack/kplane/README.md for who has which address
	IngressAddresses []netip.Addr `json:"ingressAddresses"`
	HTTPPort         int          `json:"httpPort"` // of the ingress addresses
	Dir              string       `json:"-"`        // pid files and logs: PROGRAM.pid, PROGRAM.log
}

// Spare returns an address of the cluster's network that is the caller's to use,
// say for its DNS server: i from 2 to 10.
func (c Cluster) Spare(i int) netip.Addr {
	if i < 2 || i > 10 {
		panic(fmt.Sprintf("kplane: spare address %d: want 2 to 10", i))
	}
	octets := c.Network.Addr().As4()
	octets[3] = byte(i)
	return netip.AddrFrom4(octets)
}

// killTime is how long a killed program may take to be gone.
const killTime = 10 * time.Second

// Kill ends programs of the cluster at once (SIGKILL), all of them if none is
// named, and returns when they are gone. Other clusters go on, and
// Planes.Revive starts them again. A program that does not run is an error.
func (c Cluster) Kill(programs ...string) error {
	for _, program := range c.orAll(programs) {
		if err := c.signal(program, syscall.SIGKILL); err != nil {
			return err
		}
		if err := c.gone(program); err != nil {
			return err
		}
	}
	return nil
}

// Freeze stops programs of the cluster where they are (SIGSTOP), all of them if
// none is named: connections stay open and nothing answers.
func (c Cluster) Freeze(programs ...string) error { return c.signalAll(programs, syscall.SIGSTOP) }

// Thaw lets frozen programs go on, all of them if none is named.
func (c Cluster) Thaw(programs ...string) error { return c.signalAll(programs, syscall.SIGCONT) }

func (c Cluster) orAll(programs []string) []string {
	if len(programs) > 0 {
		return programs
	}
	return []string{Node, ControllerManager, APIServer, Etcd}
}

func (c Cluster) signalAll(programs []string, signal syscall.Signal) error {
	for _, program := range c.orAll(programs) {
		if err := c.signal(program, signal); err != nil {
			return err
		}
	}
	return nil
}

func (c Cluster) signal(program string, signal syscall.Signal) error {
	content, err := os.ReadFile(c.pidFile(program))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cluster %s: %s does not run", c.Name, program)
	}
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil || pid <= 1 {
		return fmt.Errorf("%s holds no process id: %q", c.pidFile(program), content)
	}
	if err := syscall.Kill(pid, signal); err != nil {
		return fmt.Errorf("cluster %s: %s (process %d): %w", c.Name, program, pid, err)
	}
	return nil
}

// gone waits until the launcher has seen the end of a program.
func (c Cluster) gone(program string) error {
	deadline := time.NewTimer(killTime)
	defer deadline.Stop()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		if _, err := os.Stat(c.pidFile(program)); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			return fmt.Errorf("cluster %s: %s is killed but not gone after %s", c.Name, program, killTime)
		}
	}
}

func (c Cluster) pidFile(program string) string { return filepath.Join(c.Dir, program+".pid") }
