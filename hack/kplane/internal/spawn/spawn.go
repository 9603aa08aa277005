// SPDX-License-Identifier: Apache-2.0

// Package spawn starts processes that never outlive the one that started them:
// however this process ends, be it by SIGKILL, the kernel kills its children.
// It neither watches nor stops them. The launcher starts control planes with
// it, the node starts the processes of pods.
package spawn

import (
	"errors"
	"os/exec"
	"runtime"
	"sync"
)

// ErrClosed is what Start returns after Close.
var ErrClosed = errors.New("the spawner is closed")

// A Spawner starts processes from one operating system thread: the kernel's
// parent death signal follows the thread that forked, not the process. Make it
// with New and close it when no more processes are to be started.
type Spawner struct {
	requests chan request
	closed   chan struct{}
	once     sync.Once
}

type request struct {
	cmd   *exec.Cmd
	reply chan error
}

// New starts the thread.
func New() *Spawner {
	s := &Spawner{requests: make(chan request), closed: make(chan struct{})}
	go s.serve()
	return s
}

// Start starts cmd in a process group of its own, so that Ctrl-C in a terminal
// reaches only us. The caller waits for it with cmd.Wait.
func (s *Spawner) Start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = attributes()
	r := request{cmd: cmd, reply: make(chan error, 1)}
	select {
	case s.requests <- r:
		return <-r.reply
	case <-s.closed:
		return ErrClosed
	}
}

// Close ends the thread, and with it every process that still runs.
func (s *Spawner) Close() { s.once.Do(func() { close(s.closed) }) }

func (s *Spawner) serve() {
	runtime.LockOSThread() // not unlocked: the thread ends with this goroutine
	if onMainThread() {
		// That thread alone does not end with its goroutine. While it is locked here,
		// the next goroutine gets another one.
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.serve()
		}()
		<-done
		runtime.UnlockOSThread()
		return
	}
	for {
		select {
		case r := <-s.requests:
			r.reply <- r.cmd.Start()
		case <-s.closed:
			return
		}
	}
}
