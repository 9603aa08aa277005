// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/meridian-gslb/meridian/internal/sites"
)

// A need is a program of others that sites run, and Debian's package that has it.
type need struct {
	program string // looked for in PATH, or
	plugin  string // among the network plugins
	pkg     string
}

var needs = []need{
	{program: "containerd", pkg: "containerd"},
	{program: "containerd-shim-runc-v2", pkg: "containerd"},
	{program: "ctr", pkg: "containerd"},
	{program: "runc", pkg: "runc"},
	{plugin: "bridge", pkg: "containernetworking-plugins"},
	{plugin: "host-local", pkg: "containernetworking-plugins"},
	{program: "nft", pkg: "nftables"},
	{program: "ip", pkg: "iproute2"},
	{program: "nsenter", pkg: "util-linux"},
}

// Folders where systems keep programs and network plugins.
var (
	systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	pluginDirs = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}
)

// findPrograms finds what is installed. For the rest it unpacks Debian's packages
// below cache, without installing them: no service is started and no file of the
// system changes.
func findPrograms(ctx context.Context, cache string, say func(string)) (sites.Programs, error) {
	found := sites.Programs{Path: systemPath, CNI: pluginDir("")}
	missing := missingFrom(found)
	if len(missing) == 0 {
		return found, nil
	}
	// One folder for each set of packages: what is installed later does not spoil it.
	sum := sha256.Sum256([]byte(strings.Join(missing, " ")))
	root := filepath.Join(cache, "sites-"+hex.EncodeToString(sum[:4]))
	if _, err := os.Stat(filepath.Join(root, "complete")); err != nil {
		say("fetching Debian's packages " + strings.Join(missing, ", ") + " (unpacked, not installed)")
		if err := fetch(ctx, root, missing); err != nil {
			return found, fmt.Errorf("sites need %s. Install them, or let Debian's packages be fetched, which failed: %w",
				strings.Join(missing, ", "), err)
		}
	}
	found = unpacked(root)
	if still := missingFrom(found); len(still) > 0 {
		return found, fmt.Errorf("%s has no %s: remove it to fetch them again", root, strings.Join(still, ", "))
	}
	return found, nil
}

func unpacked(root string) sites.Programs {
	var path []string
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		path = append(path, root+dir)
	}
	libraries, _ := filepath.Glob(root + "/usr/lib/*-linux-gnu") // the pattern is well-formed
	return sites.Programs{
		Path:        systemPath + ":" + strings.Join(path, ":"),
		LibraryPath: strings.Join(libraries, ":"),
		CNI:         pluginDir(root),
	}
}

func pluginDir(root string) string {
	for _, r := range []string{"", root} {
		for _, dir := range pluginDirs {
			if executable(r + dir + "/bridge") {
				return r + dir
			}
		}
	}
	return ""
}

// missingFrom lists the packages whose programs are not found.
func missingFrom(p sites.Programs) []string {
	var missing []string
	for _, n := range needs {
		there := false
		if n.plugin != "" {
			there = p.CNI != "" && executable(filepath.Join(p.CNI, n.plugin))
		} else {
			there = slices.ContainsFunc(strings.Split(p.Path, ":"), func(dir string) bool {
				return executable(filepath.Join(dir, n.program))
			})
		}
		if !there && !slices.Contains(missing, n.pkg) {
			missing = append(missing, n.pkg)
		}
	}
	return missing
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
}

// fetch downloads packages, and those they need that are not installed, and
// unpacks them into root.
func fetch(ctx context.Context, root string, packages []string) error {
	if _, err := exec.LookPath("apt-get"); err != nil || runtime.GOOS != "linux" {
		return errors.New("there is no apt-get")
	}
	all, err := withDependencies(ctx, packages)
	if err != nil { // perhaps there are no lists yet
		if _, err := output(ctx, "", "apt-get", "update", "-qq"); err != nil {
			return err
		}
		if all, err = withDependencies(ctx, packages); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		return err
	}
	partial, err := os.MkdirTemp(filepath.Dir(root), filepath.Base(root)+"-partial-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(partial) }() // it is root by then, or of no use
	debs := filepath.Join(partial, "debs")
	// apt drops root for the download, into a folder that its user may write to.
	if err := errors.Join(os.Chmod(partial, 0o755), os.Mkdir(debs, 0o777), os.Chmod(debs, 0o777)); err != nil {
		return err
	}
	if _, err := output(ctx, debs, "apt-get", append([]string{"download", "-qq"}, all...)...); err != nil {
		if _, err := output(ctx, "", "apt-get", "update", "-qq"); err != nil {
			return err
		}
		if _, err := output(ctx, debs, "apt-get", append([]string{"download", "-qq"}, all...)...); err != nil {
			return err
		}
	}
	files, err := filepath.Glob(filepath.Join(debs, "*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range files {
		if _, err := output(ctx, "", "dpkg", "-x", deb, partial); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(debs); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(partial, "complete"), []byte(strings.Join(all, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	return os.Rename(partial, root)
}

// withDependencies asks apt what installing would bring.
func withDependencies(ctx context.Context, packages []string) ([]string, error) {
	out, err := output(ctx, "", "apt-get", append([]string{"install", "--simulate", "--no-install-recommends", "-qq"}, packages...)...)
	if err != nil {
		return nil, err
	}
	var all []string
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Inst" {
			all = append(all, fields[1])
		}
	}
	for _, name := range packages { // installed, but without the program that we look for
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all, nil
}

func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(complaints.Bytes()))
	}
	return out.String(), nil
}
