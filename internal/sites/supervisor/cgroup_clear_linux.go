// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clear kills whatever is left in a group, and removes it from all hierarchies.
// The group may be a whole set's; one that is not there is fine.
func (c *cgroups) clear(group string) error {
	dir := filepath.Join(c.freezer, group)
	if _, err := os.Stat(dir); err == nil {
		if err := c.thawAll(dir); err != nil {
			return err
		}
		if err := killAll(dir); err != nil {
			return err
		}
	}
	var errs []error
	for _, at := range c.mounts {
		errs = append(errs, removeGroups(filepath.Join(at, group)))
	}
	return errors.Join(errs...)
}

// thawIfThere thaws a site's group, if there is one.
func (c *cgroups) thawIfThere(group string) error {
	_, err := os.Stat(filepath.Join(c.freezer, group))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, c.freeze("", group, false))
}

// thawAll thaws the group and those directly below it: a frozen process cannot be killed.
func (c *cgroups) thawAll(dir string) error {
	below, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	groups := []string{dir}
	for _, entry := range below {
		if entry.IsDir() {
			groups = append(groups, filepath.Join(dir, entry.Name()))
		}
	}
	for _, group := range groups {
		if err := c.freeze("", strings.TrimPrefix(group, c.freezer), false); err != nil {
			return err
		}
	}
	return nil
}

func killAll(dir string) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		pids, err := processesOf(dir)
		if err != nil || len(pids) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v of %s do not end", pids, dir)
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("killing process %d of %s: %w", pid, dir, err)
			}
		}
		<-time.After(10 * time.Millisecond)
	}
}

// processesOf lists the processes of a group and those below it.
func processesOf(dir string) ([]int, error) {
	var pids []int
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil || entry.Name() != "cgroup.procs" {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV) {
			return nil
		}
		if err != nil {
			return err
		}
		for scanner := bufio.NewScanner(bytes.NewReader(content)); scanner.Scan(); {
			pid, err := strconv.Atoi(scanner.Text())
			if err != nil {
				return err
			}
			if pid > 0 { // 0 is a process of another pid namespace
				pids = append(pids, pid)
			}
		}
		return nil
	})
	return pids, err
}

// removeGroups removes a group and those below it, the lowest first. The kernel
// takes a moment to let go of groups whose processes have just ended.
func removeGroups(dir string) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		var dirs []string
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil && entry.IsDir() {
				dirs = append(dirs, path)
			}
			return err
		})
		if err != nil {
			return err
		}
		var last error
		for _, d := range slices.Backward(dirs) {
			if err := os.Remove(d); err != nil && !errors.Is(err, fs.ErrNotExist) {
				last = err
			}
		}
		if last == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("removing a cgroup: %w", last)
		}
		<-time.After(10 * time.Millisecond)
	}
}
