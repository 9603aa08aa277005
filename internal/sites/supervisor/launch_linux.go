// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/meridian-gslb/meridian/internal/sites"
	"github.com/meridian-gslb/meridian/internal/sites/machine"
	"github.com/meridian-gslb/meridian/internal/sites/netns"
)

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
		_ = ns.Do(func() error { // how it began goes to started; how it ends is of no interest
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
