// SPDX-License-Identifier: Apache-2.0

package spawn

import "syscall"

func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// onMainThread reports that the calling thread is the process's first one. The
// caller has locked itself to its thread.
func onMainThread() bool { return syscall.Gettid() == syscall.Getpid() }
