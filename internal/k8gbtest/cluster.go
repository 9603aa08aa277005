// SPDX-License-Identifier: Apache-2.0

package k8gbtest

import (
	"context"
	"maps"
	"slices"
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

// Life is closed when the process has ended.
func (c *Cluster) Life() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.life
}
