// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
)

// portTries bounds the search for a port that is free for UDP and TCP.
const portTries = 16

// sockets are what is bound to one address: UDP and TCP, or TLS.
type sockets struct {
	addr  netip.AddrPort
	tcp   *net.TCPListener
	udp   []*net.UDPConn
	over  *tls.Config // of the TCP connections; nil: they are plain
	count *counters   // of the TCP connections
	loop  *Loop       // that accepts them
}

func (s *sockets) close() {
	if s.tcp != nil {
		_ = s.tcp.Close()
	}
	for _, c := range s.udp {
		_ = c.Close()
	}
}

// parseListen reads an address to listen on. No host means all addresses of
// both families; those of IPv6 are optional then.
func parseListen(s string) (hosts []netip.Addr, port uint16, err error) {
	if rest, ok := strings.CutPrefix(s, ":"); ok {
		a, err := netip.ParseAddrPort("0.0.0.0:" + rest)
		if err != nil {
			return nil, 0, fmt.Errorf(`%q is not an address to listen on: write one like ":5353" or "127.0.1.1:53"`, s)
		}
		return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}, a.Port(), nil
	}
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return nil, 0, fmt.Errorf(`%q is not an address to listen on: write one like ":5353", "127.0.1.1:53" or "[::1]:53"`, s)
	}
	a = unmapped(a)
	return []netip.Addr{a.Addr()}, a.Port(), nil
}

// listen binds every socket for one configured address; without UDP sockets it
// is for TCP alone.
func listen(spec string, udpSockets int) ([]*sockets, error) {
	hosts, port, err := parseListen(spec)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		all, err := bindAll(hosts, port, udpSockets)
		if err == nil {
			return all, nil
		}
		if port != 0 || try == portTries || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, err
		}
	}
}

func bindAll(hosts []netip.Addr, port uint16, udpSockets int) ([]*sockets, error) {
	var all []*sockets
	for i, host := range hosts {
		s, err := bind(netip.AddrPortFrom(host, port), udpSockets)
		if err != nil && i > 0 && noFamily(err) {
			break
		}
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, s)
		port = s.addr.Port()
	}
	return all, nil
}

// noFamily reports that the machine has no addresses of a family.
func noFamily(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

func closeAll(all []*sockets) {
	for _, s := range all {
		s.close()
	}
}

// bind opens the sockets of one address. TCP comes first: it is bound alone, so
// that a second server on the same address is noticed although the UDP sockets
// share theirs.
func bind(addr netip.AddrPort, udpSockets int) (*sockets, error) {
	family := "6"
	if addr.Addr().Is4() {
		family = "4"
	}
	// Connections have bounds of their own: to ask the system to look whether clients are
	// alive would cost four calls for each.
	quick := net.ListenConfig{KeepAlive: -1}
	l, err := quick.Listen(context.Background(), "tcp"+family, addr.String())
	if err != nil {
		return nil, bindError("tcp", addr, err)
	}
	s := &sockets{addr: unmapped(l.Addr().(*net.TCPAddr).AddrPort()), tcp: l.(*net.TCPListener)}
	if udpSockets == 0 {
		return s, nil
	}
	// A socket that does not share shows whether the address is free.
	free, err := net.ListenUDP("udp"+family, net.UDPAddrFromAddrPort(s.addr))
	if err != nil {
		s.close()
		return nil, bindError("udp", s.addr, err)
	}
	_ = free.Close()
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return prepareUDP(raw, s.addr.Addr())
	}}
	for range sharing(udpSockets) {
		c, err := config.ListenPacket(context.Background(), "udp"+family, s.addr.String())
		if err != nil {
			s.close()
			return nil, bindError("udp", s.addr, err)
		}
		s.udp = append(s.udp, c.(*net.UDPConn))
	}
	return s, nil
}

// bindError says which address could not be bound, and what to do about it.
func bindError(transport string, addr netip.AddrPort, err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	err = fmt.Errorf("listening for DNS on %s %s: %w", transport, addr, err)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; stop the other program or choose another address", err)
	case errors.Is(err, os.ErrPermission) && addr.Port() < 1024:
		return fmt.Errorf("%w; ports below 1024 need the capability NET_BIND_SERVICE", err)
	}
	return err
}
