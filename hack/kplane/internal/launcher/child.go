// SPDX-License-Identifier: Apache-2.0

package launcher

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/spawn"
)

// A child is one program of a cluster: this same binary under another name. It
// has a pid file and a log beside each other, NAME.pid and NAME.log. It can be
// started again after it ended.
type child struct {
	program string
	args    []string
	dir     string
	binary  string
	spawner *spawn.Spawner
	ended   func(*child, error) // called from a goroutine when it ended unasked

	mu       sync.Mutex
	cmd      *exec.Cmd
	done     chan struct{} // closed when cmd has ended
	stopping bool
}

func (c *child) pidFile() string { return filepath.Join(c.dir, c.program+".pid") }
func (c *child) logFile() string { return filepath.Join(c.dir, c.program+".log") }

// start starts the program unless it runs. The log is continued, not replaced.
func (c *child) start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running() {
		return nil
	}
	log, err := os.OpenFile(c.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own
	cmd := exec.Command(c.binary, c.args...)
	cmd.Args[0] = c.program
	cmd.Dir = c.dir
	cmd.Stdout, cmd.Stderr = log, log
	if err := c.spawner.Start(cmd); err != nil {
		return fmt.Errorf("starting %s: %w", c.program, err)
	}
	done := make(chan struct{})
	c.cmd, c.done, c.stopping = cmd, done, false
	if err := writeFile(c.pidFile(), []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o644); err != nil {
		return errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	go c.wait(cmd, done)
	return nil
}

func (c *child) wait(cmd *exec.Cmd, done chan struct{}) {
	err := cmd.Wait()
	c.mu.Lock()
	if rmErr := os.Remove(c.pidFile()); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) {
		err = errors.Join(err, rmErr)
	}
	unasked := !c.stopping
	close(done)
	c.mu.Unlock()
	if unasked {
		c.ended(c, err)
	}
}

func (c *child) running() bool {
	if c.cmd == nil {
		return false
	}
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// stop asks the program to end, and ends it if it has not after the grace. A
// program that was frozen is woken first. It returns when the program is gone.
func (c *child) stop(grace time.Duration) {
	c.mu.Lock()
	if !c.running() {
		c.mu.Unlock()
		return
	}
	c.stopping = true
	process, done := c.cmd.Process, c.done
	c.mu.Unlock()

	// An error of Signal or Kill says that it has ended, which is what we want.
	_ = process.Signal(syscall.SIGTERM)
	_ = process.Signal(syscall.SIGCONT)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		_ = process.Kill()
		<-done
	}
}

// lastWords returns the end of the program's log, for an error message.
func (c *child) lastWords(lines int) string {
	content, err := os.ReadFile(c.logFile())
	if err != nil {
		return err.Error()
	}
	all := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	all = all[max(0, len(all)-lines):]
	var b strings.Builder
	for _, line := range all {
		fmt.Fprintf(&b, "\n    %s", line)
	}
	return b.String()
}
