// SPDX-License-Identifier: Apache-2.0

package rfc2136

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// findEvery is how long the servers that were found for an edge zone are used.
const findEvery = 10 * time.Minute

// Resolver finds the servers of an edge zone; [net.Resolver] is one.
type Resolver interface {
	edge.Resolver
	LookupNS(ctx context.Context, name string) ([]*net.NS, error)
}

// ReaderConfig says what a Reader needs.
type ReaderConfig struct {
	// Servers of the edge zones, HOST:PORT,HOST:PORT in order of preference; "":
	// those of each zone's NS set, which Resolver finds.
	Servers string
	// Resolver is needed without Servers.
	Resolver Resolver
	Timeout  time.Duration // of one attempt with one server; 0: [DefaultTimeout]
	Log      *slog.Logger  // nil: silent
}

// Reader is an [edge.Reader] of zones that somebody else writes. It has no key,
// so it asks over TCP alone, where nobody beside the path can answer instead.
type Reader struct {
	fixed    *servers // nil: found
	resolver Resolver
	timeout  time.Duration
	log      *slog.Logger

	mu    sync.Mutex
	found map[gslb.Name]*finding
}

// finding is what was found for one edge zone.
type finding struct {
	servers *servers
	at      time.Time
}

var _ edge.Reader = (*Reader)(nil)

// NewReader makes a Reader; it connects when it is used.
func NewReader(c ReaderConfig) (*Reader, error) {
	r := &Reader{resolver: c.Resolver, timeout: c.Timeout, log: c.Log, found: make(map[gslb.Name]*finding)}
	if c.Servers != "" {
		names, err := parseServers(c.Servers)
		if err != nil {
			return nil, err
		}
		r.fixed = newServers(names)
	} else if c.Resolver == nil {
		return nil, errors.New("a reader of edge zones needs Servers, or a Resolver that finds them")
	}
	if r.timeout == 0 {
		r.timeout = DefaultTimeout
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.log = r.log.With("component", "edge/reader")
	return r, nil
}

// Lookup asks for one RRset without recursion; the next server only when one
// cannot be reached or does not answer usably.
func (r *Reader) Lookup(ctx context.Context, q edge.Query) (edge.Answer, error) {
	list, err := r.servers(ctx, q.Zone)
	if err != nil {
		return edge.Answer{}, err
	}
	var answer edge.Answer
	err = list.try(ctx, r.log, q.Zone, q.Server, func(ctx context.Context, server string) error {
		in, err := r.ask(ctx, server, q)
		if err != nil {
			return &edge.Error{Reason: edge.ReasonUnreachable, Server: server, Err: steady(err), Message: fmt.Sprintf(
				"server %s of the edge zone %s does not answer over TCP: is it up, and may this Pod reach it?", server, q.Zone)}
		}
		answer, err = evaluate(q, server, in)
		return unread(err, server, q, in)
	})
	return answer, err
}

// unread makes what a server refuses a reader: nothing was to be updated.
func unread(err error, server string, q edge.Query, in *dns.Msg) error {
	e, ok := errors.AsType[*edge.Error](err)
	if !ok {
		return err
	}
	e.Reason = edge.ReasonUnreachable
	how := e.RCODE
	if in.Rcode == dns.RcodeSuccess {
		how += " without authority"
	}
	e.Message = fmt.Sprintf("server %s answers %s for %s in the edge zone %s: does it hold that zone? If not, name one that does in --edge-dns", server, how, q.Name, q.Zone)
	return e
}

// ask sends one question over a connection of its own.
func (r *Reader) ask(ctx context.Context, server string, q edge.Query) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	m := new(dns.Msg)
	m.SetQuestion(q.Name.FQDN(), q.Type)
	m.RecursionDesired = false
	wire, err := m.Pack()
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	frame, err := roundTrip(ctx, conn, wire)
	if errors.Is(err, io.EOF) {
		err = errors.New("it closed the connection without an answer")
	}
	if err != nil {
		return nil, err
	}
	if err := answers(m, frame); err != nil {
		return nil, err
	}
	in := new(dns.Msg)
	return in, in.Unpack(frame)
}

// Servers gives the servers of an edge zone, HOST:PORT, as they are read: those of
// the Config, or those that were found. It may ask the Resolver.
func (r *Reader) Servers(ctx context.Context, zone gslb.Name) ([]string, error) {
	list, err := r.servers(ctx, zone)
	if err != nil {
		return nil, err
	}
	return list.order(zone), nil
}

// servers gives the servers of an edge zone. What was found last stays while
// nothing new can be found.
func (r *Reader) servers(ctx context.Context, zone gslb.Name) (*servers, error) {
	if r.fixed != nil {
		return r.fixed, nil
	}
	r.mu.Lock()
	last := r.found[zone]
	r.mu.Unlock()
	if last != nil && time.Since(last.at) < findEvery {
		return last.servers, nil
	}
	names, err := r.find(ctx, zone)
	if err != nil && last != nil {
		return last.servers, nil
	}
	if err != nil {
		return nil, &edge.Error{Reason: edge.ReasonUnreachable, Err: steady(err), Message: fmt.Sprintf(
			"the servers of the edge zone %s cannot be found by the resolver of this Pod; name one in --edge-dns", zone)}
	}
	next := &finding{newServers(names), time.Now()}
	r.mu.Lock()
	r.found[zone] = next
	r.mu.Unlock()
	return next.servers, nil
}

// find asks the resolver who serves a zone.
func (r *Reader) find(ctx context.Context, zone gslb.Name) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*r.timeout)
	defer cancel()
	set, err := r.resolver.LookupNS(ctx, zone.FQDN())
	if err != nil {
		return nil, err
	}
	var out []string
	for _, ns := range set {
		addrs, lookup := r.resolver.LookupNetIP(ctx, "ip", ns.Host)
		if lookup != nil {
			err = lookup
		}
		for _, a := range addrs {
			out = append(out, net.JoinHostPort(a.Unmap().String(), "53"))
		}
	}
	if len(out) == 0 && err == nil {
		err = fmt.Errorf("no server of %s has an address", zone.FQDN())
	}
	if len(out) > 0 {
		err = nil
	}
	slices.Sort(out)
	return slices.Compact(out), err
}
