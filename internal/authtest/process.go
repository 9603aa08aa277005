// SPDX-License-Identifier: Apache-2.0

package authtest

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// process is a server that runs in the foreground, with children maybe.
type process struct {
	t    testing.TB
	dir  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

func newProcess(t testing.TB, dir string) *process { return &process{t: t, dir: dir} }

// up runs what command gives for an address until the test ends: the one that is
// asked for, or else a free port of 127.0.0.1, up to five times because ports
// do not stay free.
func (p *process) up(want netip.AddrPort, command func(netip.AddrPort) []string) {
	p.t.Helper()
	for range 5 {
		addr := want
		if !addr.IsValid() {
			addr = FreePort(p.t)
		}
		if p.run(addr, command(addr)) {
			p.t.Cleanup(p.stop)
			return
		}
		p.stop()
	}
	p.t.Fatalf("%s does not come up:\n%s", p.cmd.Path, p.said())
}

// run starts the program and waits until it answers anything; false: it ended
// instead.
func (p *process) run(addr netip.AddrPort, command []string) bool {
	p.t.Helper()
	log, err := os.OpenFile(p.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(p.t, err)
	defer func() { _ = log.Close() }()
	cmd, done := exec.Command(command[0], command[1:]...), make(chan struct{})
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(p.t, cmd.Start())
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(done)
	}()
	p.cmd, p.done = cmd, done
	answered := false
	poll(p.t, done, func() bool {
		_, err := ask(p.t, addr, true, "version.server", dns.TypeTXT)
		answered = err == nil
		return answered
	})
	select {
	case <-done: // somebody else answers there
		return false
	default:
		return answered
	}
}

// stop ends the process and its children; twice is fine.
func (p *process) stop() {
	select {
	case <-p.done:
		return
	default:
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience / 3):
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// said gives what the process wrote so far.
func (p *process) said() string {
	b, err := os.ReadFile(p.log())
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (p *process) log() string { return filepath.Join(p.dir, "log") }

// ask asks over TCP or UDP, within a second.
func ask(t testing.TB, addr netip.AddrPort, tcp bool, name string, qtype uint16) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	m.RecursionDesired = false
	c := &dns.Client{Timeout: time.Second}
	if tcp {
		c.Net = "tcp"
	}
	in, _, err := c.ExchangeContext(t.Context(), m, addr.String())
	return in, err
}

// poll calls f until it says true, done is closed, or patience is over.
func poll(t testing.TB, done <-chan struct{}, f func() bool) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-ctx.Done():
			return
		case <-done:
			return
		case <-tick.C:
		}
	}
}
