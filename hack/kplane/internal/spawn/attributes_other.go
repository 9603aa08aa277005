// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package spawn

import "syscall"

// Only Linux has a parent death signal: elsewhere a launcher that is killed
// with SIGKILL leaves its children behind.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// onMainThread does not matter without a parent death signal.
func onMainThread() bool { return false }
