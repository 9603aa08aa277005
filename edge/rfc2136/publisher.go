// SPDX-License-Identifier: Apache-2.0

package rfc2136

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// DefaultTimeout bounds one attempt with one server.
const DefaultTimeout = 2 * time.Second

// Config says what a Publisher needs. Servers and Key are required.
type Config struct {
	// Servers that take updates, HOST:PORT,HOST:PORT in order of preference; the
	// port defaults to 53. A host may be a name.
	Servers string
	// Key signs everything that is sent.
	Key     *tsigkey.Key
	Timeout time.Duration // 0: [DefaultTimeout]
	// Now is the wall clock that signatures are stamped with; nil: time.Now. The library
	// verifies answers by the machine's.
	Now func() time.Time
	Log *slog.Logger // nil: silent
}

// Publisher is an [edge.Publisher] by dynamic update.
type Publisher struct {
	servers *servers
	client  *client
	log     *slog.Logger
}

var _ edge.Publisher = (*Publisher)(nil)

// New makes a Publisher; it connects when it is used.
func New(c Config) (*Publisher, error) {
	names, err := parseServers(c.Servers)
	if err != nil {
		return nil, err
	}
	if c.Key == nil {
		return nil, errors.New("updates of the edge zone are always signed: give --edge-tsig-key NAME:ALGORITHM:FILE")
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Publisher{
		servers: newServers(names),
		client:  &client{key: c.Key, ring: tsigkey.NewKeyring(c.Key), timeout: c.Timeout, now: c.Now, pool: newPool()},
		log:     c.Log.With("component", "edge/rfc2136"),
	}, nil
}

// Close closes idle connections.
func (p *Publisher) Close() { p.client.pool.close() }

// Lookup asks for one RRset without recursion. It asks the next server only
// when one cannot be reached or does not answer usably.
func (p *Publisher) Lookup(ctx context.Context, q edge.Query) (edge.Answer, error) {
	var answer edge.Answer
	err := p.servers.try(ctx, p.log, q.Zone, q.Server, func(ctx context.Context, server string) error {
		m := new(dns.Msg)
		m.SetQuestion(q.Name.FQDN(), q.Type)
		m.RecursionDesired = false
		in, err := p.client.exchange(ctx, server, m)
		if err != nil {
			return p.explain(err, "query", server, q.Zone)
		}
		answer, err = evaluate(q, server, in)
		return err
	})
	return answer, err
}

// Update sends one change. It asks the next server when one cannot be reached
// or does not take updates; a failed prerequisite is final.
func (p *Publisher) Update(ctx context.Context, c edge.Change) (string, error) {
	if _, err := updateMessage(c); err != nil {
		return "", &edge.Error{Reason: edge.ReasonRefused, Message: "the update cannot be written as DNS records", Err: err}
	}
	var taken string
	err := p.servers.try(ctx, p.log, c.Zone, "", func(ctx context.Context, server string) error {
		m, err := updateMessage(c)
		if err != nil {
			return err
		}
		in, err := p.client.exchange(ctx, server, m)
		if err != nil {
			return p.explain(err, "update", server, c.Zone)
		}
		if in.Rcode != dns.RcodeSuccess {
			return p.explain(&rcodeError{rcode: in.Rcode, signed: true}, "update", server, c.Zone)
		}
		p.servers.takes(c.Zone, server)
		taken = server
		return nil
	})
	return taken, err
}

// evaluate reads the answer to a query.
func evaluate(q edge.Query, server string, in *dns.Msg) (edge.Answer, error) {
	a := edge.Answer{Server: server}
	if in.Rcode != dns.RcodeSuccess && in.Rcode != dns.RcodeNameError {
		return a, refused(&rcodeError{rcode: in.Rcode, signed: true}, "query", server, q.Zone, "")
	}
	owner := q.Name.FQDN()
	for _, rr := range in.Answer {
		if dns.CanonicalName(rr.Header().Name) != owner || rr.Header().Class != dns.ClassINET {
			continue
		}
		if c, ok := rr.(*dns.CNAME); ok {
			a.Alias = dns.CanonicalName(c.Target)
		}
		if rr.Header().Rrtype == q.Type {
			a.Data = append(a.Data, dataOf(rr))
		}
	}
	if len(a.Data) == 0 && q.Type == edge.TypeNS {
		a.Data = delegationOf(in, owner)
	}
	slices.Sort(a.Data)
	a.Data = slices.Compact(a.Data)
	if len(a.Data) == 0 && a.Alias == "" && !in.Authoritative {
		return a, notAuthoritative(q, server, in)
	}
	return a, nil
}

// delegationOf gives the NS set of a referral for exactly this name.
func delegationOf(in *dns.Msg, owner string) []string {
	var out []string
	for _, rr := range in.Ns {
		if ns, ok := rr.(*dns.NS); ok && dns.CanonicalName(ns.Hdr.Name) == owner {
			out = append(out, dataOf(ns))
		}
	}
	return out
}

// notAuthoritative says why an empty answer without authority means nothing.
func notAuthoritative(q edge.Query, server string, in *dns.Msg) *edge.Error {
	e := &edge.Error{Reason: edge.ReasonRefused, Server: server, RCODE: dns.RcodeToString[in.Rcode]}
	for _, rr := range in.Ns {
		cut, err := gslb.ParseName(rr.Header().Name)
		if ns, ok := rr.(*dns.NS); ok && err == nil && cut.Below(q.Zone) && q.Name.In(cut) {
			e.Message = fmt.Sprintf("edge server %s delegates %s to %s, so nothing can be written at %s in %s",
				server, cut.FQDN(), ns.Ns, q.Name.FQDN(), q.Zone.FQDN())
			return e
		}
	}
	e.Message = fmt.Sprintf("edge server %s answers for %s without authority: it does not hold the zone; --edge-dns must name its primary, with the zone loaded",
		server, q.Zone.FQDN())
	return e
}
