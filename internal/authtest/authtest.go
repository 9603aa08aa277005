// SPDX-License-Identifier: Apache-2.0

// Package authtest runs the authoritative servers of other projects on loopback
// for end-to-end tests: BIND, Knot DNS and NSD, as primaries of zones from text
// or as secondaries of a server under test. Each keeps its files in the test's
// own folder and ends with the test, by its own process group. It knows nothing
// of what is tested; package bindtest has what only BIND can do.
package authtest

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/bindtest"
)

// patience bounds every wait.
const patience = time.Minute

// Software is a server that can be run.
type Software string

// The servers of Debian's packages bind9, knot and nsd.
const (
	BIND Software = "BIND"
	Knot Software = "Knot"
	NSD  Software = "NSD"
)

// All are the servers in a fixed order.
func All() []Software { return []Software{BIND, Knot, NSD} }

// Key is a TSIG key, hmac-sha256.
type Key = bindtest.Key

// Zone is a zone of a server: with Text it is its primary, with Primary a
// secondary of that address.
type Zone struct {
	Name    string         // with or without the trailing dot
	Text    string         // zone file
	Primary netip.AddrPort // from where it is transferred, over TCP
	Key     Key            // signs requests to Primary, and may sign NOTIFY; the zero Key: none
}

// Server is a running server on a free port of 127.0.0.1, UDP and TCP. It takes
// NOTIFY from 127.0.0.0/8 for zones with a Primary, signed with their key or not,
// and gives every zone to everybody on loopback (AXFR).
type Server struct {
	Software Software
	Addr     netip.AddrPort

	t    testing.TB
	dir  string
	bind *bindtest.Server // instead of process
	*process
}

// Start runs a server until the test ends, and waits until it answers for the
// zones of which it is primary; use [Server.WaitSerial] for others. Where it is
// not installed the test is skipped, or fails if CI is set.
func Start(t testing.TB, software Software, zones ...Zone) *Server {
	t.Helper()
	return StartAt(t, software, netip.AddrPort{}, zones...)
}

// StartAt is [Start] at an address of 127.0.0.0/8, for BIND one that an interface
// has, such as 127.0.0.1; the zero address is a free port of 127.0.0.1.
func StartAt(t testing.TB, software Software, addr netip.AddrPort, zones ...Zone) *Server {
	t.Helper()
	s := &Server{Software: software, Addr: addr, t: t, dir: t.TempDir()}
	for _, z := range zones {
		if !z.Primary.IsValid() {
			require.NoError(t, os.WriteFile(filepath.Join(s.dir, file(z)), []byte(z.Text), 0o600))
		}
	}
	if software == BIND {
		s.bind = bindtest.Start(t, bindtest.Config{Addr: addr, Conf: s.namedConf(zones)})
		s.Addr = s.bind.Addr
	} else {
		s.start(func() string { return s.conf(zones) })
	}
	for _, z := range zones {
		if !z.Primary.IsValid() {
			s.wait(z.Name, func(*dns.SOA) bool { return true })
		}
	}
	return s
}

// StartConf is [StartAt] with a configuration of the caller's, which says all about
// keys and zones and nothing of addresses, folders and logs. In it DIR stands for
// the folder of the server.
func StartConf(t testing.TB, software Software, addr netip.AddrPort, conf string) *Server {
	t.Helper()
	s := &Server{Software: software, Addr: addr, t: t, dir: t.TempDir()}
	if software == BIND {
		s.bind = bindtest.Start(t, bindtest.Config{Addr: addr, Conf: conf})
		s.Addr = s.bind.Addr
		return s
	}
	s.start(func() string { return s.head() + strings.ReplaceAll(conf, "DIR", s.dir) })
	return s
}

// start runs knotd or nsd, on a port that is free if none is given.
func (s *Server) start(conf func() string) {
	s.t.Helper()
	path, args := "", []string{"-c"}
	if s.Software == NSD {
		path, args = Program(s.t, "nsd", "nsd"), []string{"-d", "-c"}
	} else {
		path = Program(s.t, "knotd", "knot")
	}
	s.process = newProcess(s.t, s.dir)
	s.up(s.Addr, func(addr netip.AddrPort) []string {
		s.Addr = addr
		name := filepath.Join(s.dir, "conf")
		require.NoError(s.t, os.WriteFile(name, []byte(conf()), 0o600))
		return append([]string{path}, append(args, name)...)
	})
}

// Program finds a program, also where only root looks. Without it the test is
// skipped, or fails if CI is set; install is Debian's package.
func Program(t testing.TB, name, install string) string {
	t.Helper()
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		p := filepath.Join(dir, name)
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed; CI installs it from package %s", name, install)
	}
	t.Skipf("%s is not installed; on Debian: apt-get install %s", name, install)
	return ""
}

// FreePort is [bindtest.FreePort].
func FreePort(t testing.TB) netip.AddrPort { return bindtest.FreePort(t) }

// Stop ends the server. Stopping twice is fine.
func (s *Server) Stop() {
	if s.bind != nil {
		s.bind.Stop()
		return
	}
	s.stop()
}

// Log gives what the server said so far.
func (s *Server) Log() string {
	if s.bind != nil {
		return s.bind.Log()
	}
	return s.said()
}

// poll calls f until it says true, the server has ended, or patience is over.
func (s *Server) poll(f func() bool) {
	var done <-chan struct{}
	if s.bind == nil {
		done = s.done
	}
	poll(s.t, done, f)
}

// WaitSerial waits until the server answers for a zone with that serial, or a
// later one (RFC 1982).
func (s *Server) WaitSerial(zone string, serial uint32) {
	s.t.Helper()
	s.wait(zone, func(soa *dns.SOA) bool { return int32(soa.Serial-serial) >= 0 })
}

// WaitGone waits until the server answers for a zone no more (it has expired).
func (s *Server) WaitGone(zone string) {
	s.t.Helper()
	gone := false
	s.poll(func() bool { _, is := s.soa(zone, true); gone = !is; return gone })
	require.True(s.t, gone, "%s still answers for %s:\n%s", s.Software, zone, s.Log())
}

// wait asks over UDP and TCP until the answer was good several times in a row:
// while NSD changes its data an old process answers beside the new one.
func (s *Server) wait(zone string, good func(*dns.SOA) bool) {
	s.t.Helper()
	const enough = 6
	row, last := 0, "no answer"
	s.poll(func() bool {
		for row < enough {
			soa, is := s.soa(zone, row%2 == 0)
			if is {
				last = fmt.Sprint("serial ", soa.Serial)
			}
			if !is || !good(soa) {
				row = 0
				return false
			}
			row++
		}
		return true
	})
	require.GreaterOrEqual(s.t, row, enough, "%s does not have zone %s as awaited (%s):\n%s", s.Software, zone, last, s.Log())
}

func (s *Server) soa(zone string, tcp bool) (*dns.SOA, bool) {
	in, err := ask(s.t, s.Addr, tcp, zone, dns.TypeSOA)
	if err != nil || !in.Authoritative || len(in.Answer) != 1 {
		return nil, false
	}
	soa, is := in.Answer[0].(*dns.SOA)
	return soa, is
}
