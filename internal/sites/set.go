// SPDX-License-Identifier: Apache-2.0

package sites

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Open returns the set that is up in a folder. The error is ErrDown if there is none.
func Open(ctx context.Context, dir string, output io.Writer) (*Set, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s := &Set{layout: Layout{Dir: dir}, output: output}
	status, err := s.Status(ctx)
	if err != nil {
		return nil, err
	}
	s.config = status.Config
	return s, nil
}

// Kubeconfig is the path of a kubeconfig with a context for each cluster, for use
// from this machine.
func (s *Set) Kubeconfig() string { return s.layout.Kubeconfig() }

// Dir is the set's folder.
func (s *Set) Dir() string { return s.layout.Dir }

// Site returns the cluster of this name. It panics if there is none, which is a
// mistake of the caller.
func (s *Set) Site(name string) Site {
	site, ok := s.config.Site(name)
	if !ok {
		panic(fmt.Sprintf("sites: no cluster %q was brought up", name))
	}
	return site
}

// Status says how the set is.
func (s *Set) Status(ctx context.Context) (*Status, error) {
	return Call(ctx, s.layout, Request{Command: CommandStatus}, nil)
}

// Stop switches sites off at once: every process dies, nobody answers at their
// addresses. Their disks stay.
func (s *Set) Stop(ctx context.Context, clusters ...string) error {
	return s.do(ctx, CommandStop, clusters...)
}

// Start switches sites on again, and returns when their nodes are Ready.
func (s *Set) Start(ctx context.Context, clusters ...string) error {
	return s.do(ctx, CommandStart, clusters...)
}

// Freeze stops every process of sites where it is: connections stay open, and
// nothing answers.
func (s *Set) Freeze(ctx context.Context, clusters ...string) error {
	return s.do(ctx, CommandFreeze, clusters...)
}

// Thaw lets frozen sites go on.
func (s *Set) Thaw(ctx context.Context, clusters ...string) error {
	return s.do(ctx, CommandThaw, clusters...)
}

// Cut drops silently whatever is sent between a and b, or with an empty b between
// a and all other sites. This machine still reaches what is published.
func (s *Set) Cut(ctx context.Context, a, b string) error {
	return s.do(ctx, CommandCut, without(a, b)...)
}

// Heal takes cuts away: that between a and b, with an empty b all of a, with
// neither all there are.
func (s *Set) Heal(ctx context.Context, a, b string) error {
	return s.do(ctx, CommandHeal, without(a, b)...)
}

func without(names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

func (s *Set) do(ctx context.Context, command string, clusters ...string) error {
	_, err := Call(ctx, s.layout, Request{Command: command, Clusters: clusters}, s.output)
	return err
}

// Down removes the set: processes, namespaces, cgroups, files. What is not there
// is fine.
func (s *Set) Down(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, s.layout.Command(), "down", "--dir", s.layout.Dir)
	out, err := cmd.CombinedOutput()
	if s.tie != nil {
		_ = s.tie.Close() // the supervisor is gone, or goes now
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) { // down already
		return fmt.Errorf("taking sites down: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// Command prepares a command that runs on a site's machine, with its network,
// files and processes, as if somebody had logged in there. KUBECONFIG is the
// cluster's, and kubectl, ctr and nft are in the PATH.
func (s *Set) Command(ctx context.Context, cluster string, args ...string) (*exec.Cmd, error) {
	status, err := s.Status(ctx)
	if err != nil {
		return nil, err
	}
	arguments, environment, err := status.Enter(cluster, args...)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	cmd.Env = environment
	return cmd, nil
}

// Exec runs a command as Command does, and returns what it printed. The error has
// what it complained about.
func (s *Set) Exec(ctx context.Context, cluster string, args ...string) (string, error) {
	cmd, err := s.Command(ctx, cluster, args...)
	if err != nil {
		return "", err
	}
	return run(cmd)
}

// Kubectl runs kubectl of this machine on one cluster with stdin (nil: none), and
// returns what it printed.
func (s *Set) Kubectl(ctx context.Context, cluster string, stdin io.Reader, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.layout.Kubectl(),
		append([]string{"--kubeconfig=" + s.Kubeconfig(), "--context=" + s.Site(cluster).Context}, args...)...)
	cmd.Env = append(os.Environ(), "KUBECACHEDIR="+filepath.Join(s.layout.Private(), "kubectl-cache"))
	cmd.Stdin = stdin
	return run(cmd)
}

func run(cmd *exec.Cmd) (string, error) {
	var out, complaints strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(complaints.String()))
	}
	return out.String(), nil
}

// Enter returns the command line and environment by which a command runs on a
// site's machine.
func (s *Status) Enter(cluster string, args ...string) (arguments, environment []string, err error) {
	i := slices.IndexFunc(s.Sites, func(one SiteStatus) bool { return one.Name == cluster })
	if i < 0 {
		return nil, nil, fmt.Errorf("there is no cluster %q (have %v)", cluster, s.Config.Clusters)
	}
	if s.Sites[i].Process == 0 {
		return nil, nil, fmt.Errorf("site %s is %s", cluster, s.Sites[i].State)
	}
	site, _ := s.Config.Site(cluster)
	enter := []string{"nsenter", fmt.Sprintf("--target=%d", s.Sites[i].Process), "--mount", "--uts", "--ipc", "--net", "--pid", "--"}
	own := []string{
		"PATH=" + filepath.Join(s.Config.Dir, "bin") + ":" + s.Programs.Path, "KUBECONFIG=" + site.Kubeconfig, "KUBECACHEDIR=/run/kubectl-cache",
		"CONTAINERD_ADDRESS=/run/containerd/containerd.sock", "CONTAINERD_NAMESPACE=k8s.io",
	}
	if s.Programs.LibraryPath != "" {
		own = append(own, "LD_LIBRARY_PATH="+s.Programs.LibraryPath)
	}
	// Once each: of two values programs take the first.
	environment = slices.DeleteFunc(os.Environ(), func(have string) bool {
		return slices.ContainsFunc(own, func(v string) bool {
			name, _, _ := strings.Cut(v, "=")
			return strings.HasPrefix(have, name+"=")
		})
	})
	return append(enter, args...), append(environment, own...), nil
}

// Import gives images in archives (of Docker's or the OCI's form) to every node
// that is on.
func (s *Set) Import(ctx context.Context, archives ...string) error {
	status, err := s.Status(ctx)
	if err != nil {
		return err
	}
	for _, archive := range archives {
		var wg sync.WaitGroup
		failures := make([]error, len(status.Sites))
		for i, site := range status.Sites {
			if site.State != Running {
				failures[i] = fmt.Errorf("site %s is %s", site.Name, site.State)
				continue
			}
			wg.Go(func() { failures[i] = s.importInto(ctx, site.Name, archive) })
		}
		wg.Wait()
		if err := errors.Join(failures...); err != nil {
			return fmt.Errorf("importing %s: %w", archive, err)
		}
	}
	return nil
}

func (s *Set) importInto(ctx context.Context, cluster, archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	cmd, err := s.Command(ctx, cluster, "ctr", "images", "import", "-")
	if err != nil {
		return err
	}
	cmd.Stdin = f
	out, err := run(cmd)
	if err != nil {
		return err
	}
	if s.output != nil {
		for line := range strings.Lines(out) {
			if name, _, ok := strings.Cut(strings.TrimPrefix(line, "unpacking "), " ("); ok {
				fmt.Fprintf(s.output, "%s: has %s\n", cluster, name)
			}
		}
	}
	return nil
}

func containsWord(text, word string) bool { return slices.Contains(strings.Fields(text), word) }
