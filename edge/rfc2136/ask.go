// SPDX-License-Identifier: Apache-2.0

package rfc2136

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// askUDP is how long Ask waits for the answer by UDP before it tries TCP.
const askUDP = 350 * time.Millisecond

// Ask sends one SOA question to ADDRESS:PORT, by UDP and then by TCP, and
// returns nil if anything answered it, whatever it says: it shows that the
// world outside can be reached. The zero Name asks for the root. It gives up
// when ctx ends, or after 2 s.
func Ask(ctx context.Context, server string, zone gslb.Name) error {
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	udp := askBy(ctx, "udp", server, zone, askUDP)
	if udp == nil {
		return nil
	}
	tcp := askBy(ctx, "tcp", server, zone, DefaultTimeout)
	if tcp == nil {
		return nil
	}
	return errors.Join(udp, tcp)
}

func askBy(ctx context.Context, network, server string, zone gslb.Name, most time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	m := new(dns.Msg)
	m.SetQuestion(zone.FQDN(), dns.TypeSOA)
	m.RecursionDesired = false
	wire, err := m.Pack()
	if err != nil {
		return err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if network == "tcp" {
		frame, err := roundTrip(ctx, conn, wire)
		if err != nil {
			return err
		}
		return answers(m, frame)
	}
	return askDatagram(ctx, conn, m, wire)
}

// askDatagram waits for the datagram that answers; others are passed over.
func askDatagram(ctx context.Context, conn net.Conn, m *dns.Msg, wire []byte) error {
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(wire); err != nil {
		return err
	}
	buf := make([]byte, dns.MaxMsgSize)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return err
		}
		if answers(m, buf[:n]) == nil {
			return nil
		}
	}
}

// answers reports whether the bytes answer the question.
func answers(m *dns.Msg, b []byte) error {
	in := new(dns.Msg)
	if err := in.Unpack(b); err != nil {
		return err
	}
	if in.Id != m.Id || !in.Response || !sameQuestion(m, in) {
		return errMismatch
	}
	return nil
}
