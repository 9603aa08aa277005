// SPDX-License-Identifier: Apache-2.0

// Package container starts images with runc, for tests: as a Pod would, but
// without an engine, a registry or a network. Each container has namespaces of
// its own with a loopback device, which Dial reaches. It needs root and runc.
// Called by the tests of hack/image.
package container

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Usable says whether containers can be started here; the error says why not.
func Usable() error {
	if os.Getuid() != 0 {
		return errors.New("containers need root")
	}
	if _, err := exec.LookPath("runc"); err != nil {
		return errors.New("containers need runc (Debian's package runc)")
	}
	return nil
}

// Options are what a Pod can say about a container.
type Options struct {
	Command      []string // instead of the entry point
	Args         []string // instead of the image's command
	Env          []string // beside the image's
	User         string   // UID:GID instead of the image's
	ReadOnlyRoot bool
	Capabilities []string          // beside none, like CAP_NET_BIND_SERVICE
	Privileges   bool              // programs may gain privileges
	Mounts       map[string]string // path inside → folder of the host, read-only
	Writable     map[string]string // path inside → folder of the host
}

// PodCapabilities are those that containerd leaves to a Pod that says nothing.
func PodCapabilities() []string {
	return []string{
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
		"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
	}
}

// A Container is a started process and what it printed.
type Container struct {
	id, state string
	cmd       *exec.Cmd
	out       output
	done      chan struct{}
	err       error // of the process, once done is closed
}

// output is a buffer that may be read while it is written.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// Start unpacks an image into dir and starts it. Stop ends it.
func Start(ctx context.Context, dir string, img v1.Image, o Options) (*Container, error) {
	if err := Usable(); err != nil {
		return nil, err
	}
	root := filepath.Join(dir, "rootfs")
	if err := unpack(img, root); err != nil {
		return nil, fmt.Errorf("unpacking the image: %w", err)
	}
	spec, err := newSpec(img, root, o)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(spec, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600); err != nil {
		return nil, err
	}
	c := &Container{id: "meridian-image-" + strconv.Itoa(os.Getpid()) + "-" + filepath.Base(dir), state: filepath.Join(dir, "state"), done: make(chan struct{})}
	c.cmd = exec.CommandContext(ctx, "runc", "--root", c.state, "run", "--bundle", dir, c.id)
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.out
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// Output is what the process printed so far.
func (c *Container) Output() string {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.buf.String()
}

// Wait waits for the end of the process and gives its exit code.
func (c *Container) Wait(ctx context.Context) (int, error) {
	select {
	case <-c.done:
	case <-ctx.Done():
		return -1, ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(c.err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, c.err
}

// Ended says whether the process has ended.
func (c *Container) Ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// PID gives the process's number on the host. It is known a moment after Start.
func (c *Container) PID() (int, error) {
	text, err := exec.Command("runc", "--root", c.state, "state", c.id).Output()
	if err != nil {
		return 0, fmt.Errorf("the container is not there yet: %w", err)
	}
	var state struct {
		PID    int    `json:"pid"`
		Status string `json:"status"`
	}
	if err := json.Unmarshal(text, &state); err != nil {
		return 0, err
	}
	if state.Status != "running" {
		return 0, fmt.Errorf("the container is %s", state.Status)
	}
	return state.PID, nil
}

// Signal sends a signal, like TERM, to the process.
func (c *Container) Signal(name string) error {
	out, err := exec.Command("runc", "--root", c.state, "kill", c.id, name).CombinedOutput()
	if err != nil {
		return fmt.Errorf("runc kill: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Stop kills whatever still runs and waits for its end.
func (c *Container) Stop() {
	if !c.Ended() {
		_ = c.Signal("KILL") // it may just have ended
	}
	<-c.done
	_ = exec.Command("runc", "--root", c.state, "delete", "--force", c.id).Run() // `runc run` did it already, if it lived
}
