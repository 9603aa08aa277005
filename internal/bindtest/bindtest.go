// SPDX-License-Identifier: Apache-2.0

// Package bindtest runs Debian's BIND on loopback for end-to-end tests, with
// dig and nsupdate as second opinions and foreign writers. It stops what it
// starts and keeps its files in the test's own folder. It knows nothing of what
// is tested.
package bindtest

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// patience bounds every wait.
const patience = time.Minute

// Key is a TSIG key of the server, hmac-sha256.
type Key struct {
	Name   string // "meridian"
	Secret []byte
}

// Base64 gives the secret as BIND and key files write it.
func (k Key) Base64() string { return base64.StdEncoding.EncodeToString(k.Secret) }

// Config says what the server serves.
type Config struct {
	// Addr is where it listens, a port of an address that an interface has; zero: a
	// free port of 127.0.0.1.
	Addr netip.AddrPort
	// Conf are the statements beside options: keys and zones. In it DIR stands for
	// the folder of the server.
	Conf string
	// Files are written into the folder of the server before it starts.
	Files map[string]string
	// Transfer is the key that may transfer every zone ([Server.AXFR]).
	Transfer Key
}

// Server is a running named. It listens on 127.0.0.1 if not told otherwise: BIND takes
// only addresses that an interface has, so not all of 127.0.0.0/8.
type Server struct {
	t        testing.TB
	Addr     netip.AddrPort
	Dir      string
	transfer Key
	cmd      *exec.Cmd
	done     chan struct{} // closed when the process has ended
}

// Start runs named until the test ends. Where BIND or its tools are not
// installed the test is skipped, or fails if CI is set.
func Start(t testing.TB, c Config) *Server {
	t.Helper()
	for _, tool := range []string{"named", "dig", "nsupdate"} {
		if path(tool) != "" {
			continue
		}
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed", tool)
		}
		t.Skipf("%s is not installed; on Debian: apt-get install bind9 bind9-dnsutils", tool)
	}
	s := &Server{t: t, Dir: t.TempDir(), transfer: c.Transfer}
	for name, text := range c.Files {
		require.NoError(t, os.WriteFile(filepath.Join(s.Dir, name), []byte(text), 0o600))
	}
	for range 5 {
		if s.Addr = c.Addr; !s.Addr.IsValid() {
			s.Addr = FreePort(t)
		}
		s.write("named.conf", s.conf(c))
		if s.run() {
			t.Cleanup(s.Stop)
			return s
		}
	}
	t.Fatalf("named does not come up:\n%s", s.Log())
	return nil
}

// path finds a program, also where only root looks.
func path(tool string) string {
	if p, err := exec.LookPath(tool); err == nil {
		return p
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if p := filepath.Join(dir, tool); exists(p) {
			return p
		}
	}
	return ""
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// FreePort gives a port of 127.0.0.1 that was free a moment ago, for UDP and TCP. It is
// none of those that systems give to whoever asks for any, so it stays free.
func FreePort(t testing.TB) netip.AddrPort {
	t.Helper()
	for range 50 {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 20_000+rand.N[uint16](10_000))
		l, err := net.Listen("tcp", addr.String())
		if err != nil {
			continue
		}
		u, err := net.ListenPacket("udp", addr.String())
		_ = l.Close()
		if err == nil {
			_ = u.Close()
			return addr
		}
	}
	t.Fatal("no port is free for UDP and TCP")
	return netip.AddrPort{}
}

func (s *Server) conf(c Config) string {
	conf := fmt.Sprintf(`
options {
	directory "%[1]s";
	pid-file "%[1]s/named.pid";
	session-keyfile "%[1]s/session.key";
	listen-on port %[3]d { %[2]s; };
	listen-on-v6 { none; };
	recursion no;
	dnssec-validation no;
	notify no;
	allow-transfer { %[4]s };
	minimal-responses yes;
};
controls { };
`, s.Dir, s.Addr.Addr(), s.Addr.Port(), transferers(c.Transfer))
	if c.Transfer.Name != "" {
		conf += fmt.Sprintf("key %q { algorithm hmac-sha256; secret %q; };\n", c.Transfer.Name, c.Transfer.Base64())
	}
	return conf + strings.ReplaceAll(c.Conf, "DIR", s.Dir)
}

func transferers(k Key) string {
	if k.Name == "" {
		return "none;"
	}
	return "key \"" + k.Name + "\";"
}

func (s *Server) write(name, text string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(filepath.Join(s.Dir, name), []byte(text), 0o600))
}

// run starts named and waits until it answers; false: it ended instead.
func (s *Server) run() bool {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.Dir, "named.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(s.t, err)
	defer func() { _ = log.Close() }()
	s.cmd = exec.Command(path("named"), "-g", "-n", "1", "-c", filepath.Join(s.Dir, "named.conf"))
	s.cmd.Stdout, s.cmd.Stderr = log, log
	require.NoError(s.t, s.cmd.Start())
	done := make(chan struct{})
	cmd := s.cmd
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(done)
	}()
	s.done = done
	return s.answers()
}

// answers waits until the server answers anything, or has ended.
func (s *Server) answers() bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	c := &dns.Client{Net: "tcp", Timeout: time.Second}
	for {
		if _, _, err := c.ExchangeContext(ctx, new(dns.Msg).SetQuestion(".", dns.TypeSOA), s.Addr.String()); err == nil {
			return true
		}
		select {
		case <-s.done:
			return false
		case <-ctx.Done():
			s.Stop()
			return false
		case <-tick.C:
		}
	}
}

// Stop kills the server; Restart starts it again. Stopping twice is fine.
func (s *Server) Stop() {
	_ = s.cmd.Process.Kill()
	<-s.done
}

// Restart starts a stopped server on the same address with the same files.
func (s *Server) Restart() {
	s.t.Helper()
	require.True(s.t, s.run(), "named does not come up again:\n%s", s.Log())
}

// Log gives what named said so far.
func (s *Server) Log() string {
	b, err := os.ReadFile(filepath.Join(s.Dir, "named.log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Dig runs dig against the server and gives what it prints.
func (s *Server) Dig(args ...string) string {
	s.t.Helper()
	return Dig(s.t, append([]string{"@" + s.Addr.Addr().String(), "-p", fmt.Sprint(s.Addr.Port())}, args...)...)
}

// Dig runs dig and gives what it prints.
func Dig(t testing.TB, args ...string) string {
	t.Helper()
	args = append([]string{"+tries=3", "+time=5"}, args...)
	out, err := exec.CommandContext(t.Context(), path("dig"), args...).CombinedOutput()
	require.NoError(t, err, "dig %s: %s", strings.Join(args, " "), out)
	return string(out)
}

// AXFR gives the zone as dig transfers it, one record a line with single
// spaces, without SOA.
func (s *Server) AXFR(zone string) []string {
	s.t.Helper()
	out := s.Dig("-y", "hmac-sha256:"+s.transfer.Name+":"+s.transfer.Base64(), zone, "AXFR", "+noall", "+answer", "+onesoa")
	require.NotContains(s.t, out, "Transfer failed")
	var lines []string
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 5 || strings.HasPrefix(line, ";") || fields[3] == "SOA" || fields[3] == "TSIG" {
			continue
		}
		lines = append(lines, strings.Join(fields, " "))
	}
	return lines
}

// NSUpdate runs nsupdate with a key and gives what it prints, and whether the
// server took the update.
func (s *Server) NSUpdate(k Key, commands ...string) (string, error) {
	s.t.Helper()
	script := fmt.Sprintf("server %s %d\n%s\nsend\n", s.Addr.Addr(), s.Addr.Port(), strings.Join(commands, "\n"))
	cmd := exec.CommandContext(s.t.Context(), path("nsupdate"), "-y", "hmac-sha256:"+k.Name+":"+k.Base64())
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
