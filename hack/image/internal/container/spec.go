// SPDX-License-Identifier: Apache-2.0

package container

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// What runc reads (OCI runtime specification), as far as we need it.
type (
	spec struct {
		Version string  `json:"ociVersion"`
		Process process `json:"process"`
		Root    struct {
			Path     string `json:"path"`
			ReadOnly bool   `json:"readonly"`
		} `json:"root"`
		Hostname string  `json:"hostname"`
		Mounts   []mount `json:"mounts"`
		Linux    linux   `json:"linux"`
	}
	process struct {
		User struct {
			UID int `json:"uid"`
			GID int `json:"gid"`
		} `json:"user"`
		Args            []string            `json:"args"`
		Env             []string            `json:"env"`
		Dir             string              `json:"cwd"`
		Capabilities    map[string][]string `json:"capabilities"`
		NoNewPrivileges bool                `json:"noNewPrivileges"`
	}
	mount struct {
		Destination string   `json:"destination"`
		Type        string   `json:"type"`
		Source      string   `json:"source"`
		Options     []string `json:"options"`
	}
	linux struct {
		Namespaces []namespace `json:"namespaces"`
	}
	namespace struct {
		Type string `json:"type"`
	}
)

// newSpec says how to run an image, as a Pod would with these options.
func newSpec(img v1.Image, root string, o Options) (*spec, error) {
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cfg := file.Config
	s := &spec{Version: "1.0.2", Hostname: "test"}
	s.Root.Path, s.Root.ReadOnly = root, o.ReadOnlyRoot
	s.Process.Args = command(cfg, o)
	s.Process.Env = slices.Concat(cfg.Env, o.Env)
	s.Process.Dir = cfg.WorkingDir
	if s.Process.Dir == "" {
		s.Process.Dir = "/"
	}
	s.Process.NoNewPrivileges = !o.Privileges
	user := cfg.User
	if o.User != "" {
		user = o.User
	}
	if s.Process.User.UID, s.Process.User.GID, err = identity(root, user); err != nil {
		return nil, err
	}
	// As an engine does: a user other than root holds capabilities only in the bounding set.
	sets := []string{"bounding"}
	if s.Process.User.UID == 0 {
		sets = []string{"bounding", "effective", "permitted"}
	}
	s.Process.Capabilities = map[string][]string{}
	for _, set := range sets {
		s.Process.Capabilities[set] = slices.Concat([]string{}, o.Capabilities)
	}
	for _, n := range []string{"pid", "ipc", "uts", "mount", "network"} {
		s.Linux.Namespaces = append(s.Linux.Namespaces, namespace{n})
	}
	s.Mounts = mounts(o)
	return s, nil
}

// command is what runs, by the rules of a Pod: a command of its own takes the
// image's arguments away too.
func command(cfg v1.Config, o Options) []string {
	entry, args := cfg.Entrypoint, cfg.Cmd
	if o.Command != nil {
		entry, args = o.Command, nil
	}
	if o.Args != nil {
		args = o.Args
	}
	return slices.Concat(entry, args)
}

func mounts(o Options) []mount {
	all := []mount{
		{"/proc", "proc", "proc", []string{"nosuid", "noexec", "nodev"}},
		{"/dev", "tmpfs", "tmpfs", []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{"/sys", "sysfs", "sysfs", []string{"nosuid", "noexec", "nodev", "ro"}},
	}
	for _, at := range slices.Sorted(maps.Keys(o.Mounts)) {
		all = append(all, mount{at, "bind", o.Mounts[at], []string{"rbind", "ro"}})
	}
	for _, at := range slices.Sorted(maps.Keys(o.Writable)) {
		all = append(all, mount{at, "bind", o.Writable[at], []string{"rbind", "rw"}})
	}
	return all
}

// identity reads UID:GID, or the name of a user in the image's /etc/passwd.
func identity(root, user string) (uid, gid int, err error) {
	if user == "" {
		return 0, 0, nil
	}
	a, b, _ := strings.Cut(user, ":")
	uid, errA := strconv.Atoi(a)
	gid, errB := strconv.Atoi(b)
	if errA == nil && errB == nil {
		return uid, gid, nil
	}
	f, err := os.Open(filepath.Join(root, "etc", "passwd"))
	if err != nil {
		return 0, 0, fmt.Errorf("user %q: %w", user, err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if field := strings.Split(lines.Text(), ":"); field[0] == user && len(field) > 3 {
			return identity(root, field[2]+":"+field[3])
		}
	}
	return 0, 0, fmt.Errorf("user %q is not in the image", user)
}
