// SPDX-License-Identifier: Apache-2.0

package container

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Dial connects from inside the container's network to an address there, which
// must be a number. A container that does not listen yet is an error.
func (c *Container) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	pid, err := c.PID()
	if err != nil {
		return nil, err
	}
	type result struct {
		conn net.Conn
		err  error
	}
	got := make(chan result, 1)
	go func() {
		// The thread stays in the other network, so it must not be used again: it ends with this goroutine, being locked.
		runtime.LockOSThread()
		conn, err := dialIn(ctx, pid, network, address)
		got <- result{conn, err}
	}()
	r := <-got
	return r.conn, r.err
}

func dialIn(ctx context.Context, pid int, network, address string) (net.Conn, error) {
	ns, err := os.Open("/proc/" + strconv.Itoa(pid) + "/ns/net")
	if err != nil {
		return nil, err
	}
	defer ns.Close() //nolint:errcheck // it was only named
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("entering the container's network: %w", err)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}
