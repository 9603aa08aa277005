// SPDX-License-Identifier: Apache-2.0

package delegation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// Exchange sends a question to ADDRESS:PORT and gives the answer.
type Exchange func(ctx context.Context, network, server string, m *dns.Msg) (*dns.Msg, error)

// How long an answer is waited for. UDP is asked twice: one packet may be lost.
const (
	udpFirst  = time.Second
	udpSecond = 2 * time.Second
	tcpWait   = 3 * time.Second
	udpSize   = 1232
)

// errNoRoute says that a server cannot be asked from here at all, which says
// nothing of the server: a Pod without IPv6, say.
var errNoRoute = errors.New("there is no route to it from here")

// overNetwork is the Exchange of production.
func overNetwork(ctx context.Context, network, server string, m *dns.Msg) (*dns.Msg, error) {
	c := dns.Client{Net: network, UDPSize: udpSize, Timeout: tcpWait}
	in, _, err := c.ExchangeContext(ctx, m, server)
	return in, err
}

func question(name gslb.Name, typ uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(name.FQDN(), typ)
	m.RecursionDesired = false
	m.SetEdns0(udpSize, false)
	return m
}

// udp asks over UDP, once more if there is no answer. A truncated answer is one.
func (c *Checker) udp(ctx context.Context, server string, name gslb.Name, typ uint16) (*dns.Msg, error) {
	in, err := c.try(ctx, "udp", server, name, typ, udpFirst)
	if err == nil || errors.Is(err, errNoRoute) {
		return in, err
	}
	return c.try(ctx, "udp", server, name, typ, udpSecond)
}

func (c *Checker) tcp(ctx context.Context, server string, name gslb.Name, typ uint16) (*dns.Msg, error) {
	return c.try(ctx, "tcp", server, name, typ, tcpWait)
}

// either asks over UDP, and over TCP what is cut off or stays without an answer.
func (c *Checker) either(ctx context.Context, server string, name gslb.Name, typ uint16) (*dns.Msg, error) {
	in, err := c.udp(ctx, server, name, typ)
	if err == nil && !in.Truncated || errors.Is(err, errNoRoute) {
		return in, err
	}
	return c.tcp(ctx, server, name, typ)
}

func (c *Checker) try(ctx context.Context, network, server string, name gslb.Name, typ uint16, most time.Duration) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	m := question(name, typ)
	in, err := c.Exchange(ctx, network, server, m)
	if err == nil && (in.Id != m.Id || !in.Response || len(in.Question) > 0 && !sameQuestion(m, in)) {
		err = errors.New("the answer does not belong to the question")
	}
	c.metrics.asked(err)
	if err != nil {
		return nil, plain(err)
	}
	return in, nil
}

func sameQuestion(m, in *dns.Msg) bool {
	q, a := m.Question[0], in.Question[0]
	return len(in.Question) == 1 && q.Qtype == a.Qtype && q.Qclass == a.Qclass && dns.CanonicalName(q.Name) == dns.CanonicalName(a.Name)
}

// plain says an error of the network in words that are the same at every attempt:
// they go into status, and one that differs is written.
func plain(err error) error {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT):
		return errNoRoute
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("no answer")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("connection refused")
	case errors.Is(err, syscall.EHOSTUNREACH):
		return errors.New("no route to the host")
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return errors.New("the connection was closed without an answer")
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	return err
}

// said gives what an answer without use says.
func said(in *dns.Msg) string {
	s := dns.RcodeToString[in.Rcode]
	if s == "" {
		s = fmt.Sprintf("RCODE%d", in.Rcode)
	}
	return s
}
