// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/meridian-gslb/meridian/internal/sites"
	"github.com/meridian-gslb/meridian/internal/sites/machine"
	"github.com/meridian-gslb/meridian/internal/sites/netns"
)

// errOff is what connecting to a site gives while it is off.
var errOff = errors.New("the site is off")

// A site is one cluster: a namespace, and the processes in it.
type site struct {
	sites.Site
	set *Supervisor

	operation sync.Mutex // one of start, stop, freeze, thaw at a time

	mu       sync.Mutex
	state    string
	ns       *netns.Namespace // nil while the site is off
	process  int
	ended    chan struct{} // of the process
	failures chan string   // what the machine reports
}

// start switches the site on and returns when its node is Ready.
func (s *site) start(ctx context.Context) error {
	s.operation.Lock()
	defer s.operation.Unlock()
	switch s.currently() {
	case sites.Running:
		return nil
	case sites.Frozen:
		return fmt.Errorf("site %s is frozen: thaw it", s.Name)
	case sites.Failed: // some of it may be there still, for a person to look at
		if err := s.switchOff(); err != nil {
			return err
		}
	}
	since := time.Now()
	s.become(sites.Starting)
	if err := s.switchOn(); err != nil {
		s.become(sites.Failed)
		return errors.Join(err, s.switchOff())
	}
	if err := s.await(ctx, since); err != nil {
		s.become(sites.Failed)
		return fmt.Errorf("site %s is not ready: %w (logs are in %s)", s.Name, err, filepath.Join(s.Dir, "log"))
	}
	s.become(sites.Running)
	s.set.say(fmt.Sprintf("%s: ready in %.1f s; node %s, Ingress on %s and %s, LoadBalancers in %s",
		s.Name, time.Since(since).Seconds(), s.Node(), s.Ingress()[0], s.Ingress()[1], s.LoadBalancers()))
	return nil
}

func (s *site) await(ctx context.Context, since time.Time) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.set.config.Timeout, fmt.Errorf("gave up after %s", s.set.config.Timeout))
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	go func() {
		select {
		case <-ctx.Done():
		case what := <-s.failures:
			fail(errors.New(what))
		}
	}()
	return awaitNode(ctx, s.Site, s.dial, since)
}

// switchOn makes the namespace and starts process 1.
func (s *site) switchOn() error {
	procs, err := s.set.cgroups.create(s.set.layout.Cgroup(), s.Name)
	if err != nil {
		return err
	}
	ns, err := s.set.network.attach(s.Site, s.set.config.Sites())
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.ns = ns
	s.mu.Unlock()
	if err := os.MkdirAll(filepath.Join(s.Dir, "log"), 0o755); err != nil {
		return err
	}
	config := machine.Config{
		Name: s.Name, NodeName: s.NodeName, Zone: s.Name, Dir: s.Dir, SetDir: s.set.layout.Dir,
		Base: s.Network().Addr(), Node: s.Node(), Pods: s.Pods(), Kplane: s.set.config.Kplane, PauseImage: s.set.config.PauseImage,
		Programs: s.set.programs, Cgroup: "/" + s.set.layout.Cgroup() + "/" + s.Name, CgroupProcs: procs,
		ProxyMode: s.set.proxyMode, RestrictOOM: s.set.restrictOOM,
	}
	file := filepath.Join(s.Dir, "machine.json")
	if err := config.Write(file); err != nil {
		return err
	}
	return s.launch(ns, file)
}

// launch starts process 1 from a thread that lives as long as the process: the
// kernel's parent death signal follows the thread. So a supervisor that is killed
// takes all its sites with it.
func (s *site) launch(ns *netns.Namespace, configFile string) error {
	log, err := os.OpenFile(filepath.Join(s.Dir, "log", "machine.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own
	report, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = write.Close() }() // the same
	cmd := exec.Command(s.set.layout.Command(), "machine", configFile)
	cmd.Dir = "/"
	cmd.Env = s.set.environment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{write}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
		Setsid:     true,
	}
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		_ = ns.Do(func() error {
			err := cmd.Start()
			started <- err
			if err == nil {
				err = cmd.Wait()
			}
			return err
		})
	}()
	select {
	case err := <-started:
		if err != nil {
			return errors.Join(fmt.Errorf("starting site %s: %w", s.Name, err), report.Close())
		}
	case <-ended:
		return errors.Join(fmt.Errorf("starting site %s: its namespace cannot be entered", s.Name), report.Close())
	}
	failures := make(chan string, 1)
	s.mu.Lock()
	s.process, s.ended, s.failures = cmd.Process.Pid, ended, failures
	s.mu.Unlock()
	go s.listen(report, ended, failures)
	return nil
}

// listen waits for what the machine reports, and for its end.
func (s *site) listen(report io.ReadCloser, ended <-chan struct{}, failures chan<- string) {
	what := "its process 1 has ended"
	if lines := bufio.NewScanner(report); lines.Scan() {
		what = lines.Text()
	}
	_ = report.Close() // it was read to the end, or as far as it matters
	<-ended
	failures <- what
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == ended && s.state == sites.Running {
		s.state = sites.Failed
		s.set.say(fmt.Sprintf("%s: %s", s.Name, what))
	}
}

// stop switches the site off at once, as if its power failed.
func (s *site) stop() error {
	s.operation.Lock()
	defer s.operation.Unlock()
	if s.currently() == sites.Stopped {
		return nil
	}
	err := s.switchOff()
	s.become(sites.Stopped)
	return err
}

// switchOff ends every process of the site, and takes its namespace and cgroups
// away. Its disk stays.
func (s *site) switchOff() error {
	s.mu.Lock()
	ns, process, ended := s.ns, s.process, s.ended
	s.ns, s.process, s.ended, s.failures = nil, 0, nil, nil
	s.state = sites.Stopped
	s.mu.Unlock()
	var errs []error
	group := filepath.Join(s.set.layout.Cgroup(), s.Name)
	if process > 0 {
		errs = append(errs, s.set.cgroups.thawIfThere(group))
		if err := syscall.Kill(process, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, err)
		}
		<-ended
	}
	s.set.forwards.cut(s.Name)
	errs = append(errs, s.set.cgroups.clear(group))
	if ns != nil {
		errs = append(errs, s.set.network.detach(s.Site, ns))
	}
	return errors.Join(errs...)
}

// freeze stops all processes of the site where they are: connections stay open
// and nothing answers.
func (s *site) freeze() error {
	s.operation.Lock()
	defer s.operation.Unlock()
	switch s.currently() {
	case sites.Frozen:
		return nil
	case sites.Running:
	default:
		return fmt.Errorf("site %s is %s", s.Name, s.currently())
	}
	if err := s.set.cgroups.freeze(s.set.layout.Cgroup(), s.Name, true); err != nil {
		return err
	}
	s.become(sites.Frozen)
	return nil
}

func (s *site) thaw() error {
	s.operation.Lock()
	defer s.operation.Unlock()
	if s.currently() != sites.Frozen {
		return nil
	}
	if err := s.set.cgroups.freeze(s.set.layout.Cgroup(), s.Name, false); err != nil {
		return err
	}
	s.become(sites.Running)
	return nil
}

// dial connects from inside the site.
func (s *site) dial(ctx context.Context, network, address string) (net.Conn, error) {
	s.mu.Lock()
	ns := s.ns
	s.mu.Unlock()
	if ns == nil {
		return nil, errOff
	}
	return ns.Dial(ctx, network, address)
}

func (s *site) currently() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

func (s *site) become(state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
}

func (s *site) status() sites.SiteStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sites.SiteStatus{Name: s.Name, State: s.state, Process: s.process}
}
