// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"os/exec"
	"runtime"
	"syscall"
)

// childAttr lets the kernel end the child when we die, and keeps a terminal's
// Ctrl-C from reaching it before we stop it in order.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// start starts the command from a thread that lives as long as the program:
// Pdeathsig follows the thread that forked.
func start(cmd *exec.Cmd) error {
	errs := make(chan error)
	forker <- func() { errs <- cmd.Start() }
	return <-errs
}

// forker hands work to the one thread that forks.
var forker = func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
}()
