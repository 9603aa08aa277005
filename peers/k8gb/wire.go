// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/miekg/dns"
)

// Patience with one server. Over UDP a question is sent several times.
const (
	dialTimeout  = 900 * time.Millisecond
	redialAfter  = time.Second
	udpTries     = 3
	udpPatience  = 500 * time.Millisecond
	maxDatagram  = 4096
	writeTimeout = 900 * time.Millisecond
)

var (
	errEnded = errors.New("the connection was closed")
	errBusy  = errors.New("a question with this id is on its way")
)

type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// wire asks one server. Its methods are safe for concurrent use.
type wire struct {
	dial   dialer
	addr   string
	stream *stream
}

func newWire(dial dialer, addr string) *wire {
	return &wire{dial, addr, newStream(func(ctx context.Context) (net.Conn, error) { return dial(ctx, "tcp", addr) })}
}

func (w *wire) close() { w.stream.close() }

// ask asks over TCP, and over UDP where no connection can be had. It says whether the
// answer came over TCP.
func (w *wire) ask(ctx context.Context, q question) (reply *dns.Msg, tcp bool, err error) {
	reply, err = w.stream.ask(ctx, q)
	var refused *dialError
	if !errors.As(err, &refused) {
		return reply, true, err
	}
	for range udpTries {
		if reply, err = w.datagram(ctx, q, udpPatience); err == nil || ctx.Err() != nil {
			break
		}
	}
	return reply, false, err
}

// datagram asks once over UDP. What is no answer to the question is passed over.
func (w *wire) datagram(ctx context.Context, q question, patience time.Duration) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := w.dial(ctx, "udp", w.addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := conn.Write(q.wire); err != nil {
		return nil, err
	}
	buf := make([]byte, maxDatagram)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, errors.Join(ctx.Err(), err)
		}
		m := new(dns.Msg)
		if m.Unpack(buf[:n]) == nil && answers(m, q.msg) {
			return m, nil
		}
	}
}

// datagramOrStream asks one way only.
func (w *wire) datagramOrStream(ctx context.Context, q question, tcp bool, patience time.Duration) (*dns.Msg, error) {
	if !tcp {
		return w.datagram(ctx, q, patience)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return w.stream.ask(ctx, q)
}
