// SPDX-License-Identifier: Apache-2.0

// Package ask puts one question to one address, as a client would, and says
// what came back.
//
// It opens a connection of its own for every question and closes it at once; it
// follows no redirect and keeps no state. It does not judge: which status is
// good, and how often a thing has to be good, is for healthcheck (probes of our
// own entries) and entrycheck (entries of a silent cluster), its only callers.
package ask

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"time"
)

// Dial opens a connection; it must give up when ctx ends. [net.Dialer.DialContext]
// is one.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Kind says how far a question goes.
type Kind uint8

// The kinds of questions.
const (
	Connect   Kind = iota // is the connection accepted?
	Byte                  // does the other side say anything by itself?
	Handshake             // does a TLS handshake complete?
	Plain                 // what is the status of a GET over TCP?
	Secure                // what is the status of a GET over TLS?
)

// Question is what is asked of one address.
type Question struct {
	Kind  Kind
	Addr  netip.AddrPort
	Host  string // Host header of Plain and Secure
	SNI   string // server name of Handshake and Secure
	Path  string // of Plain and Secure: begins with "/", may hold a query
	Agent string // User-Agent of Plain and Secure
	// Unverified accepts any certificate.
	Unverified bool
}

// Answer is what came back.
type Answer struct {
	Result Result
	Status int    // HTTP status; 0 where none was read
	Detail string // for people, the same for the same cause: "connect: refused"; "" for OK
}

// Asker asks. Its fields are not changed after the first question; its method is
// safe for concurrent use.
type Asker struct {
	Dial  Dial
	Roots *x509.CertPool // nil: those of the system
}

// DefaultDial opens TCP connections without keep-alives, which such short
// connections have no use for.
func DefaultDial() Dial {
	d := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: false}, KeepAlive: -1}
	return d.DialContext
}

// Askable says why an address is never asked, whatever an object or a report
// says; "" if it may be. Loopback addresses are the caller's to allow.
func Askable(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "it has no address"
	case a.IsUnspecified():
		return "its address is the unspecified address"
	case a.IsMulticast():
		return "its address is a multicast address"
	case a.Unmap() == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "its address is the broadcast address"
	case a.IsLinkLocalUnicast():
		return "its address is link-local"
	}
	return ""
}

// Ask puts the question and waits for the answer until ctx ends.
func (a *Asker) Ask(ctx context.Context, q Question) Answer {
	conn, err := a.Dial(ctx, "tcp", q.Addr.String())
	if err != nil {
		return failed(ctx, "connect", err)
	}
	defer conn.Close()
	// Closing with a reset leaves nothing in TIME_WAIT: 10,000 checks of one
	// address and port would otherwise use up the local ports within a minute.
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the port is only free later
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	switch q.Kind {
	case Connect:
		return Answer{Result: OK}
	case Byte:
		return firstByte(ctx, conn)
	case Handshake, Secure:
		secured, err := a.handshake(conn, q)
		if err != nil {
			return failed(ctx, "tls", err)
		}
		if q.Kind == Handshake {
			return Answer{Result: OK}
		}
		return get(ctx, secured, q)
	case Plain:
	}
	return get(ctx, conn, q)
}

func firstByte(ctx context.Context, conn net.Conn) Answer {
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return failed(ctx, "read", err)
	}
	return Answer{Result: OK}
}

func (a *Asker) handshake(conn net.Conn, q Question) (net.Conn, error) {
	cfg := &tls.Config{
		ServerName: q.SNI, RootCAs: a.Roots, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: q.Unverified, //nolint:gosec // asked for by the object, or the question is only whether somebody is there
	}
	if q.Kind == Secure {
		cfg.NextProtos = []string{"http/1.1"}
	}
	secured := tls.Client(conn, cfg)
	return secured, secured.Handshake()
}
