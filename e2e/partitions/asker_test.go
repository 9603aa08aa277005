// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/lab"
)

// Times of a client: how long it waits for an answer at all, and how long a resolver
// waits before it asks the next name server.
const (
	answerTime = 2500 * time.Millisecond
	tryTime    = 800 * time.Millisecond
	tries      = 6
)

// asker asks one server over UDP from the clients' space, many questions at once.
type asker struct {
	conn net.Conn

	mu      sync.Mutex
	next    uint16
	waiting map[uint16]chan *dns.Msg
}

// asker makes one; it ends with the test.
func (s *space) asker(server string) *asker {
	s.t.Helper()
	conn, err := s.dial(s.t.Context(), "udp", server)
	require.NoError(s.t, err)
	a := &asker{conn: conn, waiting: map[uint16]chan *dns.Msg{}}
	s.t.Cleanup(func() { _ = conn.Close() }) // which ends read
	go a.read()
	return a
}

func (a *asker) read() {
	buf := make([]byte, dns.DefaultMsgSize)
	for {
		n, err := a.conn.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		m := new(dns.Msg)
		if err != nil || m.Unpack(buf[:n]) != nil {
			continue // nobody listens there now, or what came is no answer
		}
		a.mu.Lock()
		if c := a.waiting[m.Id]; c != nil {
			delete(a.waiting, m.Id)
			c <- m
		}
		a.mu.Unlock()
	}
}

var errNoAnswer = errors.New("no answer")

// ask sends one question, once.
func (a *asker) ask(ctx context.Context, name string, qtype uint16, patience time.Duration) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	m.RecursionDesired = false
	answer := make(chan *dns.Msg, 1)
	a.mu.Lock()
	a.next++
	m.Id = a.next
	a.waiting[m.Id] = answer
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.waiting, m.Id)
		a.mu.Unlock()
	}()
	b, err := m.Pack()
	if err != nil {
		return nil, err
	}
	_, _ = a.conn.Write(b) // an error is an earlier answer's: nobody listened there
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case r := <-answer:
		if len(r.Question) != 1 || !strings.EqualFold(r.Question[0].Name, m.Question[0].Name) {
			return nil, errNoAnswer
		}
		return r, nil
	case <-timer.C:
		return nil, errNoAnswer
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ask asks a server once over TCP from inside.
func (s *space) ask(server, name string, qtype uint16) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), answerTime)
	defer cancel()
	conn, err := s.dial(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	r, _, err := (&dns.Client{Net: "tcp", Timeout: answerTime}).ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype), &dns.Conn{Conn: conn})
	return r, err
}

// addrs asks a server over TCP for addresses, and shows them.
func (s *space) addrs(server, name string) string { return show(s.ask(server, name, dns.TypeA)) }

// nothing is what is shown where no answer came.
const nothing = "no answer"

// show shows an answer: its addresses, sorted; else "NODATA", an RCODE or "no answer".
func show(m *dns.Msg, err error) string {
	if err != nil {
		return nothing
	}
	if m.Rcode != dns.RcodeSuccess {
		return dns.RcodeToString[m.Rcode]
	}
	out := addresses(m)
	if len(out) == 0 {
		return "NODATA"
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func addresses(m *dns.Msg) (out []string) {
	for _, rr := range m.Answer {
		if a, ok := rr.(*dns.A); ok {
			out = append(out, a.A.String())
		}
	}
	return out
}

// resolver asks as one that has nothing in its cache: the edge for the delegation, then
// the name servers there, in any order, another one when one does not answer.
type resolver struct {
	w    *world
	mu   sync.Mutex
	all  map[string]*asker
	last []string // the delegation that the edge told last
}

func (r *resolver) to(server string) *asker {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all[server] == nil {
		r.all[server] = r.w.client.asker(server)
	}
	return r.all[server]
}

// delegation reads the name servers and their addresses at the edge; while that does not
// answer, or stops amid the answers, they are those that it told last, whose TTL is minutes.
func (r *resolver) delegation(ctx context.Context) []string {
	edge := r.to(r.w.edge.space.at(dnsN))
	m, err := edge.ask(ctx, lab.Zone, dns.TypeNS, tryTime)
	var found []string
	whole := err == nil && m.Rcode == dns.RcodeSuccess
	if whole {
		for _, rr := range m.Ns {
			if ns, ok := rr.(*dns.NS); ok {
				glue, err := edge.ask(ctx, ns.Ns, dns.TypeA, tryTime)
				if err != nil {
					whole = false
					break
				}
				found = append(found, addresses(glue)...)
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if whole && len(found) > 0 {
		r.last = found
	}
	out := slices.Clone(r.last)
	rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// ask resolves a name.
func (r *resolver) ask(ctx context.Context, name string) (*dns.Msg, error) {
	servers := r.delegation(ctx)
	for i := range tries {
		if len(servers) == 0 {
			break
		}
		server := net.JoinHostPort(servers[i%len(servers)], "53")
		m, err := r.to(server).ask(ctx, name, dns.TypeA, tryTime)
		if err == nil && m.Truncated {
			m, err = r.w.client.ask(server, name, dns.TypeA)
		}
		if err == nil && m.Rcode != dns.RcodeServerFailure {
			return m, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, errNoAnswer
}
