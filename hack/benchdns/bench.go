// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/internal/lab"
)

// bench is one run over all servers.
type bench struct {
	options
	dir     string
	out     io.Writer
	began   time.Time
	running []*running
	drawing *running // the Meridian of the weighted scenario; nil: it is not wanted
	missing []string
	all     []*process
}

// running is a server that answers.
type running struct {
	*server
	dir     string
	process *process
	at      netip.AddrPort
	version string
}

// patience bounds the start of a server.
const patience = 30 * time.Second

// start writes the zone and starts every server that is there.
func (b *bench) start(ctx context.Context) error {
	// All threads of this program go where dnsperf works.
	if out, err := exec.CommandContext(ctx, "taskset", "-a", "-p", "-c", loadCPU, strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
		return fmt.Errorf("two processors are needed, one for the server and one for the load: %w\n%s", err, out)
	}
	if err := errors.Join(
		writeZone(filepath.Join(b.dir, "zone.db")),
		writeQuestions(filepath.Join(b.dir, "questions.txt"), true),
		writeQuestions(filepath.Join(b.dir, "absent.txt"), false),
	); err != nil {
		return err
	}
	for _, s := range servers() {
		if len(b.servers) > 0 && !slices.Contains(b.servers, s.name) {
			continue
		}
		if err := b.startServer(ctx, s); err != nil {
			return err
		}
	}
	if len(b.running) == 0 {
		return errors.New("none of the servers is installed")
	}
	if b.running[0].name == "meridian" && b.wants("weighted") {
		return b.startDrawing(ctx)
	}
	return nil
}

// wants reports that a scenario is measured.
func (b *bench) wants(name string) bool {
	return len(b.scenarios) == 0 || slices.Contains(b.scenarios, name)
}

// programOf gives the path of a server's program; "": it is not there.
func (b *bench) programOf(s *server) string {
	switch s.name {
	case "meridian":
		return b.meridian
	case "coredns":
		if fi, err := os.Stat(b.coredns); err != nil || !fi.Mode().IsRegular() {
			return ""
		}
		return b.coredns
	}
	return find(s.program)
}

// startServer starts a server; one that is not installed is noted.
func (b *bench) startServer(ctx context.Context, s *server) error {
	program := b.programOf(s)
	if program == "" {
		b.missing = append(b.missing, s.name)
		fmt.Fprintf(b.out, "%s is not installed and left out\n", s.name)
		return nil
	}
	r := &running{server: s, dir: filepath.Join(b.dir, s.name), version: versionOf(ctx, append([]string{program}, s.version...)...)}
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		return err
	}
	var err error
	if r.at, err = free(ctx); err != nil {
		return err
	}
	args, env, err := s.setup(r.dir, r.at)
	if err != nil {
		return fmt.Errorf("configuring %s: %w", s.name, err)
	}
	if err := b.launch(ctx, r, program, args, env, perHost); err != nil {
		return err
	}
	b.running = append(b.running, r)
	fmt.Fprintf(b.out, "%s answers on %s: %s\n", s.name, r.at, r.version)
	return nil
}

// launch starts a server and waits until it answers for the first host and the last.
func (b *bench) launch(ctx context.Context, r *running, program string, args, env []string, addresses int) error {
	p, err := launch(filepath.Join(r.dir, "log"), env, append([]string{program}, args...)...)
	if err != nil {
		return fmt.Errorf("starting %s: %w", r.name, err)
	}
	r.process = p
	b.all = append(b.all, p)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := lab.Until(ctx, func() bool {
		if p.ended() {
			return true
		}
		for _, host := range []int{0, hosts - 1} {
			if got := lab.Addrs(ctx, r.at.String(), hostName(host)+"."+zoneName); len(strings.Fields(got)) != addresses {
				return false
			}
		}
		return true
	}); err != nil || p.ended() {
		return fmt.Errorf("%s does not answer for the zone (%w):\n%s", r.name, errors.Join(err, errors.New("see its log")), p.tail())
	}
	return nil
}

// startDrawing starts two clusters with two of the addresses each, and weights 1:3.
// The second one does nothing but tell the first what it has.
func (b *bench) startDrawing(ctx context.Context) error {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	key, err := write(b.dir, "peers.key", "%s\n", base64.StdEncoding.EncodeToString(secret))
	if err != nil {
		return err
	}
	var pair [2]*running
	tags := [2]string{"eu", "us"}
	for i := range pair {
		pair[i] = &running{server: b.running[0].server, dir: filepath.Join(b.dir, "weighted-"+tags[i])}
		if err := writeManifests(filepath.Join(pair[i].dir, "manifests"), "type: weightedRoundRobin, weight: {eu: 1, us: 3}", 2*i, 2*i+2); err != nil {
			return err
		}
		if pair[i].at, err = free(ctx); err != nil {
			return err
		}
	}
	for i, r := range pair {
		args := meridianArgs(r.dir, tags[i], r.at, "--peer-tsig-key", "peers:hmac-sha256:"+key, "--peers", tags[1-i]+"="+pair[1-i].at.String(), "--entry-check", "off")
		if err := b.launch(ctx, r, b.meridian, args, []string{"GOMAXPROCS=1"}, 2); err != nil {
			return err
		}
	}
	b.drawing = pair[0]
	return b.bothAreDrawn(ctx)
}

// bothAreDrawn waits until the addresses of either cluster were answered.
func (b *bench) bothAreDrawn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	seen := make(map[string]bool)
	if err := lab.Until(ctx, func() bool {
		seen[lab.Addrs(ctx, b.drawing.at.String(), hostName(0)+"."+zoneName)] = true
		return len(seen) > 1
	}); err != nil {
		return fmt.Errorf("no draws between two clusters: %w\n%s", err, b.drawing.process.tail())
	}
	return nil
}

// stop ends every server.
func (b *bench) stop() {
	for _, p := range b.all {
		p.stop()
	}
}

// free gives a port on loopback that is free for UDP and TCP. BIND listens on no
// address of it but the first.
func free(ctx context.Context) (netip.AddrPort, error) {
	host := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	var config net.ListenConfig
	for range 16 {
		l, err := config.Listen(ctx, "tcp4", netip.AddrPortFrom(host, 0).String())
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("no address on loopback: %w", err)
		}
		at := l.Addr().(*net.TCPAddr).AddrPort()
		u, err := config.ListenPacket(ctx, "udp4", at.String())
		_ = l.Close() // it was only to find the port
		if err == nil {
			_ = u.Close() // the same
			return at, nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("no port of %s is free for UDP and TCP", host)
}
