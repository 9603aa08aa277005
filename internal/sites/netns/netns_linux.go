// SPDX-License-Identifier: Apache-2.0

// Package netns makes and enters network namespaces without names. It knows
// nothing of what they are for. The supervisor has one for each site, and tests
// connect through it.
package netns

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// A Namespace is a network namespace without a name: it lives while this process
// has it open or a process is in it, and nothing of it is left after a crash. It
// is safe for concurrent use. Make it with New or Open.
type Namespace struct {
	mu   sync.RWMutex // held while file is used; Close waits
	file *os.File
}

// New makes an empty one.
func New() (*Namespace, error) {
	var n *Namespace
	err := onOwnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("making a network namespace: %w", err)
		}
		file, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
		n = &Namespace{file: file}
		return err
	})
	return n, err
}

// Of opens the one that a process is in.
func Of(process int) (*Namespace, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", process))
	return &Namespace{file: file}, err
}

// Path names it for programs that this process starts, while it is open.
func (n *Namespace) Path() string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd())
}

// Do runs f inside, on a thread that ends with it. What f starts is inside too:
// sockets and processes, but not goroutines.
func (n *Namespace) Do(f func() error) error {
	return onOwnThread(func() error {
		if err := n.enter(); err != nil {
			return fmt.Errorf("entering a network namespace: %w", err)
		}
		return f()
	})
}

// Dial connects from inside. The address must be an IP address with a port.
func (n *Namespace) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = n.Do(func() error {
		conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Run runs a program inside with this environment, and stdin on its standard
// input. The error has what it complained about.
func (n *Namespace) Run(env []string, stdin string, name string, args ...string) error {
	var complaints bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Env = env
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Stdout, cmd.Stderr = &complaints, &complaints
	if err := n.Do(cmd.Start); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(complaints.Bytes()))
	}
	return nil
}

// enter puts the calling thread inside.
func (n *Namespace) enter() error {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET)
}

// Close lets go of it; nobody can enter any more.
func (n *Namespace) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.file.Close()
}

// onOwnThread runs f on a thread that ends with it, so that what f does to its
// thread harms nobody.
func onOwnThread(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // not unlocked: the thread ends with this goroutine
		if unix.Gettid() == unix.Getpid() {
			// That thread alone does not end with its goroutine; while it is locked
			// here, the next goroutine gets another one.
			result <- onOwnThread(f)
			runtime.UnlockOSThread()
			return
		}
		result <- f()
	}()
	return <-result
}
