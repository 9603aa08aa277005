// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"

	"github.com/meridian-gslb/meridian/hack/image/internal/oci"
)

// An account is a user of an image and a group of the same name.
type account struct {
	name     string
	uid, gid int
	home     string
}

// accounts gives the files by which a C library knows root, nobody and others,
// and that it looks at /etc/hosts first.
func accounts(others ...account) []oci.File {
	var users, groups strings.Builder
	for _, a := range append([]account{{"root", 0, 0, "/root"}, {"nobody", nobody, nobody, "/nonexistent"}}, others...) {
		fmt.Fprintf(&users, "%s:x:%d:%d::%s:/bin/sh\n", a.name, a.uid, a.gid, a.home)
		fmt.Fprintf(&groups, "%s:x:%d:\n", a.name, a.gid)
	}
	return []oci.File{
		text("/etc/passwd", users.String()), text("/etc/group", groups.String()),
		text("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
	}
}

// withApplets adds a link in /bin for each tool of busybox that no program of
// the image has taken, and the folder for temporary files that shells want.
func withApplets(ctx context.Context, files []oci.File) ([]oci.File, error) {
	const shell = "/bin/busybox"
	taken := map[string]bool{}
	host := ""
	for _, f := range files {
		taken[f.Path] = true
		if f.Path == shell {
			host = f.From
		}
	}
	if host == "" {
		return nil, errors.New("there is no /bin/busybox in the image")
	}
	out, err := exec.CommandContext(ctx, host, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("asking busybox for its tools: %w", err)
	}
	for _, name := range strings.Fields(string(out)) {
		if at := "/bin/" + name; !taken[at] {
			files = append(files, symlink(at, shell))
		}
	}
	return append(files, temporary()), nil
}

// temporary is the folder that everybody may write to.
func temporary() oci.File {
	return oci.File{Path: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777}
}

func folder(at string, uid, gid int) oci.File {
	return oci.File{Path: at, Mode: fs.ModeDir | 0o755, UID: uid, GID: gid}
}

func text(at, data string) oci.File      { return oci.File{Path: at, Mode: 0o644, Data: []byte(data)} }
func symlink(at, target string) oci.File { return oci.File{Path: at, Link: target} }

// ports and set write lists as images have them.
func ports(names ...string) map[string]struct{} { return set(names...) }

func set(names ...string) map[string]struct{} {
	all := make(map[string]struct{}, len(names))
	for _, n := range names {
		all[n] = struct{}{}
	}
	return all
}
