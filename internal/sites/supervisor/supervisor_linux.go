// SPDX-License-Identifier: Apache-2.0

// Package supervisor runs the sites of one folder: it makes their namespaces and
// cgroups, starts and ends their machines, forwards published addresses, and does
// what clients ask by a socket. It is the only process that changes anything; when
// it ends, however, its sites end with it, and what a killed one leaves behind (its
// cgroups and files) the next one or Down removes. hack/sites runs it.
package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meridian-gslb/meridian/internal/sites"
)

// A Supervisor runs one set of sites. Make it with New; it runs once.
type Supervisor struct {
	config  sites.Config
	layout  sites.Layout
	out     io.Writer
	cgroups *cgroups

	programs    sites.Programs
	proxyMode   string
	restrictOOM bool
	network     *network  // written under mu, once
	forwards    *forwards // the same
	sites       map[string]*site

	mu       sync.Mutex
	lines    []string      // everything said
	news     chan struct{} // closed when there is more
	started  chan struct{} // closed when the start has ended, well or not
	startErr error         // valid after started
	down     context.CancelFunc
	gone     chan struct{} // closed when all is removed
	goneErr  error         // valid after gone
}

// New reads the configuration that a client has left in the folder.
func New(dir string, out io.Writer) (*Supervisor, error) {
	layout := sites.Layout{Dir: dir}
	content, err := os.ReadFile(layout.Config())
	if err != nil {
		return nil, err
	}
	s := &Supervisor{
		layout: layout, out: out, sites: map[string]*site{},
		news: make(chan struct{}), started: make(chan struct{}), gone: make(chan struct{}),
	}
	if err := json.Unmarshal(content, &s.config); err != nil {
		return nil, fmt.Errorf("%s: %w", layout.Config(), err)
	}
	if s.cgroups, err = findCgroups(); err != nil {
		return nil, err
	}
	for _, one := range s.config.Sites() {
		s.sites[one.Name] = &site{Site: one, set: s, state: sites.Stopped}
	}
	return s, s.config.Validate()
}

// Run starts the set and serves clients until one of them says down, or ctx ends.
// Then nothing of the set is left but its files, and not those either after down.
func (s *Supervisor) Run(ctx context.Context) error {
	release, err := occupy(s.layout)
	if err != nil {
		return err
	}
	defer release()
	server, err := s.listen()
	if err != nil {
		return err
	}
	ctx, s.down = context.WithCancel(ctx)
	defer s.down()
	serving := make(chan struct{})
	go func() {
		defer close(serving)
		s.serve(server)
	}()
	err = s.start(ctx)
	s.mu.Lock()
	s.startErr = err
	s.mu.Unlock()
	close(s.started)
	if err == nil {
		<-ctx.Done()
	}
	s.goneErr = s.tearDown()
	close(s.gone)
	server.Close()
	<-serving
	return errors.Join(err, s.goneErr)
}

// start brings everything up.
func (s *Supervisor) start(ctx context.Context) error {
	began := time.Now()
	if err := s.cgroups.clear(s.layout.Cgroup()); err != nil { // of a supervisor that was killed
		return err
	}
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	programs, err := findPrograms(ctx, cache, s.say)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.programs = programs
	s.mu.Unlock()
	if err := os.Setenv("PATH", programs.Path); err != nil { // exec looks there
		return err
	}
	s.restrictOOM = !mayLowerOOM()
	forwards, err := newForwards(s.config, s.dialTo)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.forwards = forwards
	s.mu.Unlock()
	network, err := newNetwork(s.environment())
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.network = network
	s.mu.Unlock()
	s.proxyMode = s.chooseProxyMode()
	s.say(fmt.Sprintf("starting %s (kube-proxy with %s)", strings.Join(s.config.Clusters, ", "), s.proxyMode))
	if err := s.each(ctx, s.config.Clusters, (*site).start); err != nil {
		return err
	}
	if err := writeKubeconfig(s.layout.Kubeconfig(), s.config.Sites(), s.forwards.apis); err != nil {
		return err
	}
	s.say(fmt.Sprintf("%s ready in %.1f s; contexts of: export KUBECONFIG=%s",
		strings.Join(s.config.Clusters, ", "), time.Since(began).Seconds(), s.layout.Kubeconfig()))
	return nil
}

// each does one thing to several sites, side by side.
func (s *Supervisor) each(ctx context.Context, names []string, do func(*site, context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failures := make(chan error, len(names))
	for _, name := range names {
		go func() { failures <- do(s.sites[name], ctx) }()
	}
	var first error
	for range names {
		if err := <-failures; err != nil && first == nil {
			first = err // the others fail because of it
			cancel()
		}
	}
	return first
}

// tearDown removes everything but files.
func (s *Supervisor) tearDown() error {
	var errs []error
	if s.network != nil {
		errs = append(errs, s.each(context.Background(), s.config.Clusters, func(one *site, _ context.Context) error { return one.stop() }))
		errs = append(errs, s.network.wan.Close())
	}
	if s.forwards != nil {
		s.forwards.close()
	}
	return errors.Join(append(errs, s.cgroups.clear(s.layout.Cgroup()))...)
}

// chooseProxyMode takes nftables where the kernel has all that kube-proxy uses,
// else iptables.
func (s *Supervisor) chooseProxyMode() string {
	const rules = `table ip probe {
 chain nat { type nat hook prerouting priority dstnat; fib daddr type local ip daddr 192.0.2.1 tcp dport 1 dnat to numgen random mod 1 map { 0 : 192.0.2.2 . 1 }; }
 chain post { type nat hook postrouting priority srcnat; masquerade fully-random; }
}
delete table ip probe
`
	if err := s.network.wan.Run(s.environment(), rules, "nft", "-f", "-"); err != nil {
		s.say("kube-proxy uses iptables: " + err.Error())
		return "iptables"
	}
	return "nftables"
}

// environment is that of the programs which this process starts.
func (s *Supervisor) environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "PATH=") || strings.HasPrefix(v, "LD_LIBRARY_PATH=")
	})
	env = append(env, "PATH="+s.programs.Path)
	if s.programs.LibraryPath != "" {
		env = append(env, "LD_LIBRARY_PATH="+s.programs.LibraryPath)
	}
	return env
}

// say tells clients that wait, and the log.
func (s *Supervisor) say(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
	close(s.news)
	s.news = make(chan struct{})
	fmt.Fprintln(s.out, time.Now().UTC().Format(time.RFC3339), line)
}

// mayLowerOOM says whether this process may make others less likely to be killed
// for want of memory, as a kubelet's runtime does where it can.
func mayLowerOOM() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_SYS_RESOURCE) != 0
}

func cacheDir() (string, error) {
	if dir := os.Getenv("MERIDIAN_CACHE_DIR"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder for what is fetched (set MERIDIAN_CACHE_DIR): %w", err)
	}
	return filepath.Join(dir, "meridian"), nil
}

// occupy takes the folder for this process, and returns what gives it back.
func occupy(layout sites.Layout) (release func(), err error) {
	f, err := os.OpenFile(layout.Lock(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		owner, _ := io.ReadAll(io.LimitReader(f, 16))
		return nil, errors.Join(fmt.Errorf("%s is in use by another supervisor, process %s", layout.Dir, owner), f.Close())
	}
	if err := errors.Join(f.Truncate(0), write(f, fmt.Sprint(os.Getpid()))); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil // which gives the lock back
}

func write(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}
