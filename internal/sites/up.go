// SPDX-License-Identifier: Apache-2.0

package sites

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/meridian-gslb/meridian/internal/gobuild"
	"github.com/meridian-gslb/meridian/internal/kplane"
)

// Options say what Up brings up. Dir and Clusters are required.
type Options struct {
	Dir           string   // everything of the set is there
	Clusters      []string // names, in the order of their addresses
	ContextPrefix string   // of the contexts in the kubeconfig
	Publish       []Publication
	Timeout       time.Duration // for the start; 0: DefaultTimeout
	Output        io.Writer     // progress; nil: standard error
	// Tied ends the set when this process ends, however that happens. Else it stays
	// until Down.
	Tied bool
}

// A Set is sites that are up. Its methods are safe for concurrent use.
type Set struct {
	layout Layout
	config Config
	output io.Writer
	tie    io.Closer // ends the supervisor of a tied set; may be nil
}

// Missing says what keeps sites from running on this machine: nil if nothing is
// known to. Programs that are not installed are fetched, so they are none of it.
func Missing() error {
	switch {
	case runtime.GOOS != "linux":
		return fmt.Errorf("sites need Linux (network namespaces, cgroups, containerd); this is %s", runtime.GOOS)
	case os.Geteuid() != 0:
		return fmt.Errorf("sites need root (network namespaces, mounts, cgroups); this is user %d", os.Geteuid())
	}
	for _, path := range []string{"/proc/self/ns/net", "/proc/sys/net/bridge"} {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("sites need a kernel with namespaces and bridges (modprobe br_netfilter may help): %w", err)
		}
	}
	filesystems, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return err
	}
	if !containsWord(string(filesystems), "overlay") {
		return errors.New("sites need a kernel with overlayfs (modprobe overlay may help)")
	}
	return nil
}

// Up brings sites up and returns when all their nodes are Ready. If the set is up
// already, it starts those of its sites that are off. What an earlier run left
// behind in the folder is removed first.
func Up(ctx context.Context, options Options) (*Set, error) {
	if err := Missing(); err != nil {
		return nil, err
	}
	config, err := configOf(options)
	if err != nil {
		return nil, err
	}
	layout := Layout{Dir: config.Dir}
	s := &Set{layout: layout, config: config, output: options.Output}
	if s.output == nil {
		s.output = os.Stderr
	}
	request := Request{Command: CommandUp, Config: &config}
	if _, err = Call(ctx, layout, request, s.output); !errors.Is(err, ErrDown) {
		return s, err
	}
	if s.config.Kplane, err = kplane.Binary(ctx); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	ended, err := s.launch(options.Tied)
	if err != nil {
		return nil, err
	}
	if err := s.awaitSupervisor(ctx, ended); err != nil {
		return nil, err
	}
	if _, err := Call(ctx, layout, request, s.output); err != nil {
		if ctx.Err() != nil {
			err = errors.Join(err, s.Down(context.WithoutCancel(ctx)))
		}
		return nil, err
	}
	return s, nil
}

func configOf(options Options) (Config, error) {
	if options.Dir == "" {
		return Config{}, errors.New("no folder: name one for the sites")
	}
	dir, err := filepath.Abs(options.Dir)
	if err != nil {
		return Config{}, err
	}
	if options.Timeout == 0 {
		options.Timeout = DefaultTimeout
	}
	config := Config{Dir: dir, Clusters: options.Clusters, ContextPrefix: options.ContextPrefix,
		Publish: options.Publish, Timeout: options.Timeout}
	return config, config.Validate()
}

// prepare fills the folder for the supervisor. It holds the supervisor's lock
// meanwhile, so that two of them do not prepare at once.
func (s *Set) prepare(ctx context.Context) error {
	if err := os.MkdirAll(s.layout.Private(), 0o755); err != nil {
		return err
	}
	lock, err := lock(s.layout)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // which gives it back
	if err := RemoveFiles(s.layout); err != nil {
		return err
	}
	for _, dir := range []string{s.layout.Private(), s.layout.Bin()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	pause := filepath.Join(s.layout.Private(), "pause")
	if err := build(ctx, "./hack/sites", s.layout.Command()); err != nil {
		return err
	}
	if err := build(ctx, "./internal/sites/pause", pause); err != nil {
		return err
	}
	s.config.PauseImage = pause + ".tar"
	if err := WriteImage(s.config.PauseImage, PauseRef, pause, "65535"); err != nil {
		return err
	}
	if err := os.Symlink(s.config.Kplane, s.layout.Kubectl()); err != nil {
		return err
	}
	content, err := json.MarshalIndent(s.config, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.layout.Config(), content, 0o600)
}

// PauseRef is the name of the image of Pods' sandboxes.
const PauseRef = "localhost/meridian-sites/pause:1"

// build compiles a program of this source tree without C.
func build(ctx context.Context, pkg, to string) error {
	root, err := kplane.SourceRoot()
	if err != nil {
		return err
	}
	return gobuild.Build(ctx, root, pkg, to)
}

// lock takes the lock that a supervisor holds as long as it lives.
func lock(layout Layout) (*os.File, error) {
	f, err := os.OpenFile(layout.Lock(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		owner, _ := io.ReadAll(io.LimitReader(f, 16))
		return nil, errors.Join(fmt.Errorf("%s is in use by a supervisor that does not answer, process %s: end it first", layout.Dir, owner), f.Close())
	}
	return f, nil
}

// RemoveFiles removes everything of a set from its folder, and the folder if it
// is empty then. No site may be up.
func RemoveFiles(layout Layout) error {
	for _, path := range []string{layout.Kubeconfig(), layout.Command(), layout.Kubectl(), layout.Private()} {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	for _, dir := range []string{layout.Bin(), layout.Dir} {
		_ = os.Remove(dir) // others may have files there
	}
	return nil
}

// launch starts the supervisor, in a session of its own so that no terminal ends it.
func (s *Set) launch(tied bool) (ended <-chan struct{}, err error) {
	log, err := os.OpenFile(s.layout.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has its own
	args := []string{"supervise", "--dir", s.layout.Dir}
	if tied {
		args = append(args, "--until-eof")
	}
	cmd := exec.Command(s.layout.Command(), args...)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if tied {
		if s.tie, err = cmd.StdinPipe(); err != nil {
			return nil, err
		}
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the supervisor: %w", err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its log says what it has to say
		close(done)
	}()
	return done, nil
}

// awaitSupervisor waits until it answers.
func (s *Set) awaitSupervisor(ctx context.Context, ended <-chan struct{}) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := Call(ctx, s.layout, Request{Command: CommandStatus}, nil)
		if !errors.Is(err, ErrDown) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ended:
			log, err := os.ReadFile(s.layout.Log())
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			lines := strings.Split(strings.TrimSpace(string(log)), "\n")
			return errors.New(strings.TrimPrefix(lines[len(lines)-1], "sites: ")) // why it has ended
		}
	}
}
