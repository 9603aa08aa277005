// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// restartAfter is how long a program that has ended stays away.
const restartAfter = time.Second

// A machine is the running process 1.
type machine struct {
	config Config
	report io.Writer // lines for the supervisor: what went wrong at the start

	mu       sync.Mutex
	programs map[int]*program // by process id
	began    bool             // all programs were started
}

type program struct {
	name   string // argv[0]
	binary string
	args   []string
	ended  chan struct{}
	status syscall.WaitStatus // valid after ended
}

// Run is process 1 of the site that the file describes. It must be the first
// process of its pid, mount, UTS and network namespaces. What prevents the start
// is written to report in one line; then Run returns it, and the site ends.
func Run(configFile string, report io.Writer) error {
	config, err := Read(configFile)
	if err == nil {
		m := &machine{config: config, report: report, programs: map[int]*program{}}
		if err = m.prepare(); err == nil {
			go m.start()
			return m.reap()
		}
	}
	_, _ = fmt.Fprintln(report, strings.ReplaceAll(err.Error(), "\n", " "))
	return err
}

func (m *machine) prepare() error {
	if os.Getpid() != 1 {
		return errors.New("not process 1: the supervisor starts it")
	}
	for _, procs := range m.config.CgroupProcs {
		if err := os.WriteFile(procs, []byte("0"), 0o644); err != nil { // 0 is the writer
			return fmt.Errorf("joining the site's cgroup: %w", err)
		}
	}
	if err := unix.Sethostname([]byte(m.config.NodeName)); err != nil {
		return fmt.Errorf("setting the host name: %w", err)
	}
	if err := makeRoot(m.config); err != nil {
		return err
	}
	if err := writeFiles(m.config); err != nil {
		return err
	}
	// Of an earlier run: this site has no API server yet.
	err := os.Remove(m.config.file("kplane", m.config.Name, "ready"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// start starts the programs in the order in which they need each other. A program
// that ends before all of them are there ends the site.
func (m *machine) start() {
	all, err := m.startAll()
	if err != nil {
		_, _ = fmt.Fprintln(m.report, strings.ReplaceAll(err.Error(), "\n", " | "))
		os.Exit(1)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.began = true
	running := slices.Collect(maps.Values(m.programs))
	for _, p := range all {
		if !slices.Contains(running, p) { // reap saw its end before this
			time.AfterFunc(restartAfter, func() { m.again(p) })
		}
	}
}

func (m *machine) startAll() ([]*program, error) {
	c := m.config
	containerd, err := m.run("containerd", "containerd", "--config", c.file("etc", "containerd.toml"))
	if err != nil {
		return nil, err
	}
	plane, err := m.run("kplane", c.Kplane, "up", "--clusters="+c.Name, "--dir="+c.file("kplane"),
		"--base="+c.Base.String(), "--http-port=80", "--external-nodes")
	if err != nil {
		return nil, err
	}
	if err := m.await(containerd, func() bool {
		conn, err := net.Dial("unix", containerdSocket)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	}); err != nil {
		return nil, err
	}
	if err := m.importPause(); err != nil {
		return nil, err
	}
	if err := m.await(plane, func() bool {
		_, err := os.Stat(c.file("kplane", c.Name, "ready"))
		return err == nil
	}); err != nil {
		return nil, err
	}
	kubelet, err := m.run("kubelet", c.Kplane,
		"--config="+c.file("etc", "kubelet.json"), "--kubeconfig="+c.kubeconfig(), "--hostname-override="+c.NodeName,
		"--node-ip="+c.Node.String(), "--cert-dir=/var/lib/kubelet/pki",
		"--node-labels=topology.kubernetes.io/zone="+c.Zone+",topology.kubernetes.io/region="+c.Zone)
	if err != nil {
		return nil, err
	}
	proxy, err := m.run("kube-proxy", c.Kplane, "--config="+c.file("etc", "kube-proxy.json"))
	return []*program{containerd, plane, kubelet, proxy}, err
}

// run starts a program, whose output is appended to log/NAME.log.
func (m *machine) run(name, binary string, args ...string) (*program, error) {
	p := &program{name: name, binary: binary, args: args, ended: make(chan struct{})}
	return p, m.launch(p)
}

func (m *machine) launch(p *program) error {
	log, err := os.OpenFile(m.logFile(p.name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own
	cmd := exec.Command(p.binary, p.args...)
	cmd.Args[0] = p.name
	cmd.Dir = "/"
	cmd.Env = m.config.Environment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	m.mu.Lock()
	defer m.mu.Unlock() // so that reap does not see its end before it is known
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	m.programs[cmd.Process.Pid] = p
	return cmd.Process.Release() // reap waits for it
}

// reap waits for every process that ends in the site, as process 1 must: those
// of containers too whose parents have gone. It does not return while the site lives.
func (m *machine) reap() error {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.ECHILD): // not before the first program, and seldom after
			<-time.After(10 * time.Millisecond)
			continue
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("waiting for processes: %w", err)
		}
		m.mu.Lock()
		p := m.programs[pid]
		delete(m.programs, pid)
		began := m.began
		m.mu.Unlock()
		if p == nil {
			continue
		}
		p.status = status
		close(p.ended)
		fmt.Fprintf(os.Stderr, "%s %s ended: %s\n", time.Now().UTC().Format(time.RFC3339), p.name, describe(status))
		if began {
			time.AfterFunc(restartAfter, func() { m.again(p) })
		}
	}
}

func (m *machine) again(p *program) {
	p.ended = make(chan struct{})
	if err := m.launch(p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		time.AfterFunc(restartAfter, func() { m.again(p) })
	}
}

// await asks until the answer is yes, or the program has ended.
func (m *machine) await(p *program, ask func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-tick.C:
		case <-p.ended:
			return fmt.Errorf("%s ended; the last lines of %s:\n%s", p.name, m.logFile(p.name), m.lastWords(p.name))
		}
	}
	return nil
}

// importPause gives containerd the sandbox image. Its process is not waited for
// here, for reap does that.
func (m *machine) importPause() error {
	p, err := m.run("ctr", "ctr", "--address", containerdSocket, "--namespace", "k8s.io", "images", "import", m.config.PauseImage)
	if err != nil {
		return err
	}
	<-p.ended
	if p.status != 0 {
		return fmt.Errorf("containerd did not take the sandbox image: %s:\n%s", describe(p.status), m.lastWords("ctr"))
	}
	return nil
}

func (m *machine) logFile(name string) string { return m.config.file("log", name+".log") }

func (m *machine) lastWords(name string) string {
	content, err := os.ReadFile(m.logFile(name))
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-5):], []byte("\n")))
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal " + status.Signal().String()
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}

// Environment is that of every program of the site.
func (c Config) Environment() []string {
	env := []string{
		"PATH=" + c.Programs.Path, "HOME=/root", "KUBECONFIG=" + c.kubeconfig(),
		"KUBECACHEDIR=/run/kubectl-cache", "TMPDIR=/tmp", "LANG=C.UTF-8",
		"CONTAINERD_ADDRESS=" + containerdSocket, "CONTAINERD_NAMESPACE=k8s.io",
	}
	if c.Programs.LibraryPath != "" {
		env = append(env, "LD_LIBRARY_PATH="+c.Programs.LibraryPath)
	}
	return append(env, "HOSTNAME="+c.NodeName, "PWD=/")
}
