// SPDX-License-Identifier: Apache-2.0

package k8gbtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/miekg/dns"
)

// Dialer connects, as [net.Dialer.DialContext] does, over "udp" and "tcp".
type Dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// Server answers messages.
type Server interface {
	// Serve answers one message that came over "udp" or "tcp"; false: there is no answer.
	Serve(network string, msg []byte) (reply []byte, ok bool)
	// Life is closed when the process ends: connections end, and none are accepted.
	Life() <-chan struct{}
}

// Net is a network in memory, for virtual time. The zero value has no servers.
type Net struct {
	mu      sync.Mutex
	servers map[string]Server
	noTCP   chan struct{} // closed: there is no TCP; nil: there is
}

// Listen puts a server at an address.
func (n *Net) Listen(addr string, s Server) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.servers == nil {
		n.servers = make(map[string]Server)
	}
	n.servers[addr] = s
}

// NoTCP ends connections and refuses new ones, as a load balancer for UDP alone does.
func (n *Net) NoTCP() {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.tcp())
}

// tcp is closed when there is no TCP any more. The lock is held.
func (n *Net) tcp() chan struct{} {
	if n.noTCP == nil {
		n.noTCP = make(chan struct{})
	}
	return n.noTCP
}

// Dial is a [Dialer]. A connection to a server that is not alive is refused; a datagram
// to it is lost.
func (n *Net) Dial(_ context.Context, network, addr string) (net.Conn, error) {
	n.mu.Lock()
	s, noTCP := n.servers[addr], n.tcp()
	n.mu.Unlock()
	if network == "tcp" && (s == nil || over(noTCP) || over(s.Life())) {
		return nil, fmt.Errorf("dial %s %s: connection refused", network, addr)
	}
	here, there := net.Pipe()
	if network == "tcp" {
		go stream(s, there, noTCP)
	} else {
		go datagrams(s, there)
	}
	return here, nil
}

// datagrams answers each message in one piece.
func datagrams(s Server, conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, dns.MaxMsgSize)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if s == nil {
			continue
		}
		if reply, ok := s.Serve("udp", buf[:n]); ok {
			if _, err := conn.Write(reply); err != nil {
				return
			}
		}
	}
}

func over(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// stream answers messages one after the other, until the other side, the process or
// the network ends.
func stream(s Server, conn net.Conn, network <-chan struct{}) {
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-ended:
		case <-s.Life():
		case <-network:
		}
		conn.Close()
	}()
	for {
		msg, err := readFrame(conn)
		if err != nil {
			return
		}
		if reply, ok := s.Serve("tcp", msg); ok {
			if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
				return
			}
		}
	}
}

func readFrame(conn net.Conn) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, err
	}
	msg := make([]byte, binary.BigEndian.Uint16(head[:]))
	_, err := io.ReadFull(conn, msg)
	return msg, err
}

// ServeOn answers over real sockets until ctx ends, which closes them.
func ServeOn(ctx context.Context, s Server, pc net.PacketConn, l net.Listener) {
	stop := context.AfterFunc(ctx, func() {
		_ = pc.Close() // both end what reads from them
		_ = l.Close()
	})
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		buf := make([]byte, dns.MaxMsgSize)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply, ok := s.Serve("udp", buf[:n]); ok {
				_, _ = pc.WriteTo(reply, from) // a lost answer is a lost answer
			}
		}
	})
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		wg.Go(func() { stream(s, conn, ctx.Done()) })
	}
}

// exchange asks once over UDP.
func exchange(ctx context.Context, dial Dialer, server string, q *dns.Msg) (*dns.Msg, error) {
	conn, err := dial(ctx, "udp", server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	b, err := q.Pack()
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(b); err != nil {
		return nil, err
	}
	buf := make([]byte, dns.MaxMsgSize)
	n, err := conn.Read(buf)
	if err != nil {
		return nil, errors.Join(ctx.Err(), err)
	}
	m := new(dns.Msg)
	return m, m.Unpack(buf[:n])
}
