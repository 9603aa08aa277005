// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/miekg/dns"
)

// changeEvery is the time between two changes: 100 a second.
const changeEvery = 10 * time.Millisecond

// publisher changes one host after another while a server is measured: another
// four of five addresses each time.
type publisher struct {
	server *running
	conn   *dns.Conn // for updates
	made   int
	err    error
	cancel context.CancelFunc
	done   chan struct{}
}

// publish begins to change what a server answers. Nothing happens for one that
// takes no changes.
func publish(ctx context.Context, r *running) (*publisher, error) {
	p := &publisher{server: r, done: make(chan struct{})}
	if r.updates {
		var dialer net.Dialer
		c, err := dialer.DialContext(ctx, "tcp", r.at.String())
		if err != nil {
			return nil, err
		}
		p.conn = &dns.Conn{Conn: c}
	}
	ctx, p.cancel = context.WithCancel(ctx)
	go p.run(ctx)
	return p, nil
}

func (p *publisher) run(ctx context.Context) {
	defer close(p.done)
	tick := time.NewTicker(changeEvery)
	defer tick.Stop()
	for p.err == nil {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		host, first := hosts-changing+p.made%changing, 1+p.made/changing%2
		if p.server.updates {
			p.err = p.update(host, first)
		} else {
			p.err = p.rewrite(host, first)
		}
		p.made++
	}
}

// stop ends the changes and gives how many there were.
func (p *publisher) stop() (int, error) {
	p.cancel()
	<-p.done
	if p.conn != nil {
		_ = p.conn.Close() // nothing follows from it
	}
	if p.err != nil {
		return p.made, fmt.Errorf("publishing changes to %s: %w", p.server.name, p.err)
	}
	return p.made, nil
}

// rewrite replaces the file of a host, whole.
func (p *publisher) rewrite(host, first int) error {
	name := hostName(host) + ".yaml"
	temporary := filepath.Join(p.server.dir, name)
	if err := os.WriteFile(temporary, []byte(gslb(host, "type: roundRobin", first, first+perHost)), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(p.server.dir, "manifests", name))
}

// update replaces the addresses of a host by RFC 2136, and waits for the answer.
func (p *publisher) update(host, first int) error {
	m := new(dns.Msg).SetUpdate(zoneName + ".")
	header := dns.RR_Header{Name: hostName(host) + "." + zoneName + ".", Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 30}
	m.RemoveRRset([]dns.RR{&dns.A{Hdr: header}})
	for k := first; k < first+perHost; k++ {
		m.Insert([]dns.RR{&dns.A{Hdr: header, A: net.IP(address(host, k).AsSlice())}})
	}
	if err := p.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if err := p.conn.WriteMsg(m); err != nil {
		return err
	}
	r, err := p.conn.ReadMsg()
	switch {
	case err != nil:
		return err
	case r.Rcode != dns.RcodeSuccess:
		return errors.New("the update was answered with " + dns.RcodeToString[r.Rcode])
	}
	return nil
}

// takesChanges reports that changes can be published to a server.
func (s *server) takesChanges() bool { return s.files || s.updates }
