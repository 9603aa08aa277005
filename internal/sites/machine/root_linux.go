// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// newRoot is where the site's file system is put together. It hides the /run of
// this machine, which no site sees.
const newRoot = "/run"

// ownDirs are not this machine's in a site: /var is the site's disk, the others
// begin empty each time.
var ownDirs = []string{"proc", "run", "tmp", "var"}

// makeRoot gives this process, which is alone in its mount namespace, a file
// system of its own: programs, libraries and users' files of this machine, and
// own /var, /run, /tmp and /proc. What is mounted in it nobody else sees, and it
// is gone with the last process of the namespace.
func makeRoot(c Config) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := tmpfs(newRoot, "0755"); err != nil {
		return err
	}
	if err := bindTopLevel(); err != nil {
		return err
	}
	if err := os.MkdirAll(c.file("var"), 0o755); err != nil {
		return err
	}
	for _, own := range [][2]string{{c.file("var"), "/var"}, {c.SetDir, c.SetDir}, {c.Kplane, c.Kplane}} {
		if err := bind(own[0], own[1]); err != nil {
			return err
		}
	}
	for _, dir := range strings.Split(c.Programs.Path+":"+c.Programs.LibraryPath+":"+c.Programs.CNI, ":") {
		if dir != "" {
			if err := bind(dir, dir); err != nil {
				return err
			}
		}
	}
	if err := unix.Mount("proc", newRoot+"/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	if err := enterRoot(); err != nil {
		return err
	}
	return furnish()
}

// bindTopLevel shows what is in / of this machine, but for the site's own.
func bindTopLevel() error {
	entries, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := "/" + entry.Name()
		switch {
		case slices.Contains(ownDirs, entry.Name()):
			err = os.Mkdir(newRoot+path, 0o755)
		case entry.Type()&fs.ModeSymlink != 0:
			var to string
			if to, err = os.Readlink(path); err == nil {
				err = os.Symlink(to, newRoot+path)
			}
		case entry.IsDir():
			err = bind(path, path)
		}
		if err != nil {
			return err
		}
	}
	return os.Chmod(newRoot+"/tmp", 0o1777)
}

// bind shows a file or folder of this machine, with what is mounted below it, at
// a path of the new root, unless it is there already.
func bind(from, to string) error {
	info, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a folder of PATH that is not there
	}
	if err != nil {
		return err
	}
	if there, err := os.Stat(newRoot + to); err == nil && os.SameFile(info, there) {
		return nil
	}
	if info.IsDir() {
		err = os.MkdirAll(newRoot+to, 0o755)
	} else if err = os.MkdirAll(filepath.Dir(newRoot+to), 0o755); err == nil {
		err = os.WriteFile(newRoot+to, nil, 0o755)
	}
	if err != nil {
		return err
	}
	if err := unix.Mount(from, newRoot+to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mounting %s: %w", from, err)
	}
	return nil
}

// enterRoot makes the new root the root, and lets go of the old.
func enterRoot() error {
	const old = "/.old"
	if err := os.Mkdir(newRoot+old, 0o700); err != nil {
		return err
	}
	if err := unix.PivotRoot(newRoot, newRoot+old); err != nil {
		return fmt.Errorf("changing the root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Unmount(old, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("letting go of the old root: %w", err)
	}
	if err := os.Remove(old); err != nil {
		return err
	}
	// Containers may ask for mounts that they share with their node.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("sharing mounts within the site: %w", err)
	}
	return nil
}

// furnish fills what begins empty.
func furnish() error {
	for _, dir := range []string{"/var/lib", "/var/log", "/var/cache", "/run/containerd", "/run/netns", "/run/sysctl"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.MkdirAll("/var/tmp", 0o1777); err != nil {
		return err
	}
	if err := os.Symlink("/run", "/var/run"); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return fakeSysctls()
}

// fakeSysctls lets the kubelet set what it wants: these settings are the whole
// machine's, so it gets files that look like them.
func fakeSysctls() error {
	for _, name := range []string{
		"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
		"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
	} {
		real := "/proc/sys/" + name
		content, err := os.ReadFile(real)
		if errors.Is(err, fs.ErrNotExist) {
			continue // not in this kernel
		}
		if err != nil {
			return err
		}
		fake := "/run/sysctl/" + strings.ReplaceAll(name, "/", ".")
		if err := os.WriteFile(fake, content, 0o644); err != nil {
			return err
		}
		if err := unix.Mount(fake, real, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("covering %s: %w", real, err)
		}
	}
	return nil
}

func tmpfs(at, mode string) error {
	if err := unix.Mount("tmpfs", at, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode="+mode); err != nil {
		return fmt.Errorf("mounting a tmpfs at %s: %w", at, err)
	}
	return nil
}
