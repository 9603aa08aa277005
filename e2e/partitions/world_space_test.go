// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/sites/netns"
)

// programs are what a world is made with; named is the edge.
var programs = map[string]string{"ip": "iproute2", "nft": "nftables", "nsenter": "util-linux", "named": "bind9"}

// missing says what keeps namespaces from being made here; "": nothing known.
func missing() string {
	if os.Geteuid() != 0 {
		return fmt.Sprintf("network namespaces need root; this is user %d", os.Geteuid())
	}
	for program, pkg := range programs {
		if find(program) == "" {
			return fmt.Sprintf("%s is not installed; on Debian: apt-get install %s", program, pkg)
		}
	}
	ns, err := netns.New()
	if err != nil {
		return err.Error()
	}
	defer func() { _ = ns.Close() }() // nothing is in it
	if err := ns.Run(os.Environ(), "link add bridge0 type bridge\n", find("ip"), "-batch", "-"); err != nil {
		return fmt.Sprintf("this kernel makes no bridges: %v", err)
	}
	return ""
}

// find finds a program, also where only root looks.
func find(program string) string {
	if p, err := exec.LookPath(program); err == nil {
		return p
	}
	for _, dir := range []string{"/usr/sbin/", "/sbin/", "/usr/local/sbin/"} {
		if _, err := os.Stat(dir + program); err == nil {
			return dir + program
		}
	}
	return ""
}

// space is a place of its own in the network: a namespace without a name, which is
// gone when the test has let go of it and nothing runs in it, and a link to the
// bridge between all.
type space struct {
	t      testing.TB
	name   string // of the link on the bridge too
	ns     *netns.Namespace
	prefix netip.Prefix // its addresses
}

// addr is the space's n-th address.
func (s *space) addr(n int) netip.Addr {
	a := s.prefix.Addr().As4()
	a[3] = byte(n)
	return netip.AddrFrom4(a)
}

// at is the n-th address with the port of DNS.
func (s *space) at(n int) string { return net.JoinHostPort(s.addr(n).String(), "53") }

// newSpace makes an empty space; it is closed when the test ends, after the
// processes in it were killed.
func newSpace(t testing.TB, name string) *space {
	t.Helper()
	ns, err := netns.New()
	require.NoError(t, err)
	t.Cleanup(func() { _ = ns.Close() }) // the kernel takes it down with its links
	return &space{t: t, name: name, ns: ns}
}

// run runs a program inside with text on its standard input.
func (s *space) run(text, program string, args ...string) {
	s.t.Helper()
	require.NoError(s.t, s.ns.Run(os.Environ(), text, find(program), args...))
}

// output runs a program inside and gives what it prints.
func (s *space) output(program string, args ...string) string {
	s.t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(find(program), args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(s.t, s.ns.Do(cmd.Start))
	require.NoError(s.t, cmd.Wait(), out.String())
	return out.String()
}

// ip runs lines of the program ip inside.
func (s *space) ip(lines ...string) {
	s.t.Helper()
	s.run(strings.Join(lines, "\n")+"\n", "ip", "-batch", "-")
}

// attach links a new space to the bridge, with these of its addresses.
func (w *world) attach(name string, third int, addrs ...int) *space {
	w.t.Helper()
	s := newSpace(w.t, name)
	s.prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, byte(third), 0}), 24)
	lines := []string{
		"link set lo up",
		// Always the same hardware address: the others remember it while the link is down.
		fmt.Sprintf("link add eth0 address 02:00:0a:4d:00:%02x type veth peer name %s netns %s", third, name, w.wan.ns.Path()),
		"link set eth0 up",
	}
	for _, n := range append([]int{1}, addrs...) {
		lines = append(lines, fmt.Sprintf("addr add %s/16 dev eth0", s.addr(n)))
	}
	s.ip(lines...)
	w.wan.ip(fmt.Sprintf("link set %s master bridge0 up", name))
	return s
}

// dial connects from inside; address is an IP address with a port.
func (s *space) dial(ctx context.Context, network, address string) (net.Conn, error) {
	return s.ns.Dial(ctx, network, address)
}

// listen listens inside for TCP and UDP.
func (s *space) listen(address string) (tcp net.Listener, udp net.PacketConn) {
	s.t.Helper()
	err := s.ns.Do(func() (err error) {
		if tcp, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", address); err != nil {
			return err
		}
		udp, err = (&net.ListenConfig{}).ListenPacket(context.Background(), "udp", address)
		return err
	})
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _, _ = tcp.Close(), udp.Close() }) // the test is over
	return tcp, udp
}

// get asks for a page from inside; "" without an answer.
func (s *space) get(url string) string {
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(s.t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: s.dial}}
	resp, err := client.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return ""
	}
	return string(b)
}

// dialWithin is dial with a bound.
func (s *space) dialWithin(d time.Duration, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return s.dial(ctx, network, address)
}
