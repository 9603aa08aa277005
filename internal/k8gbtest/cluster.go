// SPDX-License-Identifier: Apache-2.0

package k8gbtest

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// DefaultPoll is how often k8gb looks at the others, and how long it waits for each
// answer.
const (
	DefaultPoll    = 30 * time.Second
	DefaultTimeout = 2 * time.Second
)

const localPrefix = "localtargets-"

// Config says what a [Cluster] is.
type Config struct {
	Tag  gslb.GeoTag
	Zone gslb.Name
	Edge gslb.Name
	// Neighbours lists the name servers (HOST:PORT) of the other clusters of the zone.
	Neighbours map[gslb.GeoTag]string
	Dial       Dialer        // of questions to them
	Poll       time.Duration // 0: DefaultPoll
	Timeout    time.Duration // of one question; 0: DefaultTimeout
}

// Host is a host as an object of k8gb has it.
type Host struct {
	Strategy gslb.Strategy // RoundRobin or Failover
	Primary  gslb.GeoTag
	TTL      uint32
	Addrs    []string // healthy ones of the cluster itself
}

// Act is what becomes of a question.
type Act uint8

// What can become of a question.
const (
	Answer   Act = iota
	Drop         // it, or its answer, is lost
	ServFail     // the server has just been started and knows nothing
	Nothing      // it has lost its objects: no name exists below the zone
)

// Cluster is one cluster. Its methods are safe for concurrent use.
type Cluster struct {
	cfg Config

	mu     sync.Mutex
	hosts  map[gslb.Name]Host
	seen   map[gslb.Name]map[gslb.GeoTag][]string // what the others told at the last poll
	fault  func(network string, q *dns.Msg) Act
	life   chan struct{}  // closed: the process has ended
	asked  map[string]int // questions by name
	polled int
}

// New makes a cluster without hosts.
func New(c Config) *Cluster {
	if c.Poll == 0 {
		c.Poll = DefaultPoll
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	return &Cluster{
		cfg: c, hosts: make(map[gslb.Name]Host), seen: make(map[gslb.Name]map[gslb.GeoTag][]string), asked: make(map[string]int),
		life:  make(chan struct{}),
		fault: func(string, *dns.Msg) Act { return Answer },
	}
}

// Set adds or replaces a host.
func (c *Cluster) Set(name gslb.Name, h Host) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hosts[name] = h
}

// SetAddrs replaces the healthy addresses of a host; none: its application is down.
func (c *Cluster) SetAddrs(name gslb.Name, addrs ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[name]
	h.Addrs = addrs
	c.hosts[name] = h
}

// Fault has f decide what becomes of each question; network is "udp" or "tcp". It is
// called for one question at a time.
func (c *Cluster) Fault(f func(network string, q *dns.Msg) Act) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = f
}

// Kill ends the process, and Start starts it again: with its hosts, and without what it
// saw of others.
func (c *Cluster) Kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.life)
	clear(c.seen)
}

// Start starts the process again after Kill.
func (c *Cluster) Start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.life = make(chan struct{})
}

// Asked counts the questions for a name.
func (c *Cluster) Asked(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[dns.CanonicalName(name)]
}

// Polled counts the polls that are complete.
func (c *Cluster) Polled() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.polled
}

// Addrs gives what the cluster answers for a host now, sorted.
func (c *Cluster) Addrs(host gslb.Name) []string {
	q := new(dns.Msg)
	q.SetQuestion(host.FQDN(), dns.TypeA)
	var out []string
	for _, rr := range c.reply(q).Answer {
		out = append(out, rr.(*dns.A).A.String())
	}
	slices.Sort(out)
	return out
}

// Run polls until ctx ends: every host, every neighbour, one after the other, each once
// and over UDP. What is no address is none.
func (c *Cluster) Run(ctx context.Context) {
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		c.poll(ctx)
		next.Reset(c.cfg.Poll)
	}
}

func (c *Cluster) poll(ctx context.Context) {
	c.mu.Lock()
	hosts, dead := slices.SortedFunc(maps.Keys(c.hosts), gslb.Name.Compare), over(c.life)
	c.mu.Unlock()
	if dead {
		return
	}
	for _, name := range hosts {
		seen := make(map[gslb.GeoTag][]string)
		for _, tag := range slices.Sorted(maps.Keys(c.cfg.Neighbours)) {
			seen[tag] = c.localTargets(ctx, c.cfg.Neighbours[tag], name)
		}
		c.mu.Lock()
		c.seen[name] = seen
		c.mu.Unlock()
	}
	c.mu.Lock()
	c.polled++
	c.mu.Unlock()
}

func (c *Cluster) localTargets(ctx context.Context, server string, name gslb.Name) []string {
	q := new(dns.Msg)
	q.SetQuestion(localPrefix+name.FQDN(), dns.TypeA)
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	m, err := exchange(ctx, c.cfg.Dial, server, q)
	if err != nil {
		return nil
	}
	var out []string
	for _, rr := range m.Answer {
		if a, ok := rr.(*dns.A); ok {
			out = append(out, a.A.String())
		}
	}
	return out
}

// Serve answers one message; false: there is no answer.
func (c *Cluster) Serve(network string, msg []byte) ([]byte, bool) {
	q := new(dns.Msg)
	if q.Unpack(msg) != nil || len(q.Question) != 1 {
		return nil, false
	}
	c.mu.Lock()
	c.asked[dns.CanonicalName(q.Question[0].Name)]++
	dead, act := over(c.life), c.fault(network, q)
	c.mu.Unlock()
	if dead || act == Drop {
		return nil, false
	}
	m := c.reply(q)
	switch act {
	case ServFail:
		m = new(dns.Msg)
		m.SetRcode(q, dns.RcodeServerFailure)
	case Nothing:
		if !strings.EqualFold(q.Question[0].Name, c.cfg.Zone.FQDN()) {
			m = c.negative(q, dns.RcodeNameError)
		}
	case Answer, Drop:
	}
	b, err := m.Pack()
	return b, err == nil
}

// Life is closed when the process has ended.
func (c *Cluster) Life() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.life
}

// reply answers as k8gb's DNS server does: no AA bit, a signature is passed over, names
// without addresses do not exist, and there is IPv4 only.
func (c *Cluster) reply(q *dns.Msg) *dns.Msg {
	name, qtype := dns.CanonicalName(q.Question[0].Name), q.Question[0].Qtype
	m := new(dns.Msg)
	m.SetReply(q)
	switch {
	case !dns.IsSubDomain(c.cfg.Zone.FQDN(), name):
		m.SetRcode(q, dns.RcodeRefused)
		return m
	case name == c.cfg.Zone.FQDN():
		switch qtype {
		case dns.TypeSOA:
			m.Answer = []dns.RR{c.soa()}
		case dns.TypeNS:
			m.Answer = c.nameServers()
		}
		return m
	}
	addrs, ttl := c.targets(strings.TrimSuffix(name, "."))
	if len(addrs) == 0 {
		return c.negative(q, dns.RcodeNameError)
	}
	if qtype != dns.TypeA {
		return c.negative(q, dns.RcodeSuccess)
	}
	for _, a := range addrs {
		addr := netip.MustParseAddr(a)
		m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: ttl}, A: addr.AsSlice()})
	}
	return m
}

func (c *Cluster) negative(q *dns.Msg, rcode int) *dns.Msg {
	m := new(dns.Msg)
	m.SetRcode(q, rcode)
	m.Ns = []dns.RR{c.soa()}
	return m
}

func (c *Cluster) soa() dns.RR {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: c.cfg.Zone.FQDN(), Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 60},
		Ns:  "dns1." + c.cfg.Zone.FQDN(), Mbox: "hostmaster." + c.cfg.Zone.FQDN(),
		Serial: uint32(time.Now().Truncate(time.Hour).Unix()), Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: 60,
	}
}

// nameServers are those of all clusters that it knows of.
func (c *Cluster) nameServers() (out []dns.RR) {
	tags := append(slices.Collect(maps.Keys(c.cfg.Neighbours)), c.cfg.Tag)
	slices.Sort(tags)
	for _, tag := range tags {
		if ns, err := gslb.NameServerName(tag, c.cfg.Zone, c.cfg.Edge); err == nil {
			out = append(out, &dns.NS{Hdr: dns.RR_Header{Name: c.cfg.Zone.FQDN(), Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 60}, Ns: ns.FQDN()})
		}
	}
	return out
}

// targets gives what a name answers:
//
//	localtargets-HOST | the cluster's own
//	round robin       | its own and those of all others
//	failover          | its own, if it is the primary and has any; else the primary's, if seen; else its own and all others
func (c *Cluster) targets(name string) (addrs []string, ttl uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	local, isLocal := strings.CutPrefix(name, localPrefix)
	n, err := gslb.ParseName(local)
	h, there := c.hosts[n]
	if err != nil || !there {
		return nil, 0
	}
	if isLocal {
		return h.Addrs, h.TTL
	}
	if h.Strategy == gslb.Failover {
		first := c.seen[n][h.Primary]
		if h.Primary == c.cfg.Tag {
			first = h.Addrs
		}
		if len(first) > 0 {
			return first, h.TTL
		}
	}
	addrs = slices.Clone(h.Addrs)
	for _, tag := range slices.Sorted(maps.Keys(c.seen[n])) {
		addrs = append(addrs, c.seen[n][tag]...)
	}
	return addrs, h.TTL
}
