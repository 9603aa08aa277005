// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/meridian-gslb/meridian/internal/sites"
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
