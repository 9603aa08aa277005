// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// cgroups are the machine's cgroup hierarchies: one (version 2), or one for each
// controller (version 1). A set has a group in each, a site one in that, where its
// programs are in "machine" and its Pods in what the kubelet makes.
type cgroups struct {
	unified bool     // version 2 is at mount[0]
	mounts  []string // folders of all hierarchies
	freezer string   // folder of the hierarchy by which a site is frozen and found
}

// findCgroups reads the mount table.
func findCgroups() (*cgroups, error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	c := &cgroups{}
	for line := range bytes.Lines(table) {
		before, after, ok := strings.Cut(string(line), " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(kind) < 3 {
			continue
		}
		at := fields[4]
		switch kind[0] {
		case "cgroup2":
			c.mounts = append(c.mounts, at)
			if at == "/sys/fs/cgroup" {
				c.unified, c.freezer = true, at
			}
		case "cgroup":
			c.mounts = append(c.mounts, at)
			if slices.Contains(strings.Split(kind[2], ","), "freezer") {
				c.freezer = at
			}
		}
	}
	if c.freezer == "" {
		return nil, errors.New("no cgroups: want version 2 at /sys/fs/cgroup, or version 1 with the controller freezer")
	}
	return c, nil
}

// create makes the group of a site, and returns the files by which its process 1
// joins it.
func (c *cgroups) create(set, site string) (procs []string, err error) {
	for _, at := range c.mounts {
		if c.unified && at != c.freezer {
			continue
		}
		for _, group := range []string{set, filepath.Join(set, site)} {
			dir := filepath.Join(at, group)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return nil, fmt.Errorf("making a cgroup: %w", err)
			}
			if err := c.fill(dir); err != nil {
				return nil, err
			}
		}
	}
	machine := filepath.Join(c.freezer, set, site, "machine")
	if err := os.MkdirAll(machine, 0o755); err != nil {
		return nil, fmt.Errorf("making a cgroup: %w", err)
	}
	return []string{filepath.Join(machine, "cgroup.procs")}, nil
}

// fill gives a new group what the kubelet expects of its root: processors and
// memory nodes (version 1), controllers (version 2).
func (c *cgroups) fill(dir string) error {
	if c.unified {
		for _, group := range []string{filepath.Dir(dir), dir} {
			if err := enableControllers(group); err != nil {
				return err
			}
		}
		return nil
	}
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		have, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(bytes.TrimSpace(have)) > 0 {
			continue
		}
		if err != nil {
			return err
		}
		of, err := os.ReadFile(filepath.Join(filepath.Dir(dir), name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), of, 0o644); err != nil {
			return fmt.Errorf("filling a cgroup: %w", err)
		}
	}
	return nil
}

func enableControllers(dir string) error {
	available, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return err
	}
	var want []string
	for _, name := range strings.Fields(string(available)) {
		want = append(want, "+"+name)
	}
	if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(strings.Join(want, " ")), 0o644); err != nil {
		return fmt.Errorf("giving cgroups their controllers (processes must not be in %s itself): %w", dir, err)
	}
	return nil
}

// freeze stops every process of the site where it is, or lets all go on, and
// returns when that is so.
func (c *cgroups) freeze(set, site string, frozen bool) error {
	dir := filepath.Join(c.freezer, set, site)
	file, word := "freezer.state", map[bool]string{true: "FROZEN", false: "THAWED"}[frozen]
	if c.unified {
		file, word = "cgroup.freeze", map[bool]string{true: "1", false: "0"}[frozen]
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte(word), 0o644); err != nil {
		return fmt.Errorf("freezing or thawing a cgroup: %w", err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		done, err := c.isFrozen(dir)
		if err != nil || done == frozen {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the cgroup %s is not %s after 10 s", dir, word)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func (c *cgroups) isFrozen(dir string) (bool, error) {
	if !c.unified {
		state, err := os.ReadFile(filepath.Join(dir, "freezer.state"))
		return string(bytes.TrimSpace(state)) == "FROZEN", err
	}
	events, err := os.ReadFile(filepath.Join(dir, "cgroup.events"))
	return bytes.Contains(events, []byte("frozen 1")), err
}
