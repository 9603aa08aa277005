// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// The invariants, as failures name them.
const (
	invAnswered = "every query is answered"
	invExists   = "a host that exists is there"
	invEligible = "every answered address was eligible within the bound"
	invBetter   = "the last resort is used only when nothing better is known"
	invEmpty    = "no answer is empty while something serves"
	invSerial   = "the serial never falls"
	invCause    = "answers change at most once per true cause"
	invCircle   = "nobody is vouched for in a circle"
	invForeign  = "records of others at the edge stay as they are"
	invFenced   = "what is not ours alone is changed under a prerequisite"
	invLastNS   = "the last name server is never removed"
	invUnread   = "a cluster that is heard and not read is shown"
	invRefused  = "who refuses a key lives"
	invReady    = "a process that starts is ready in time"
	invAgree    = "all agree after healing"
)

// Bounds in which the truth must be known.
const (
	boundOwn   = 300 * time.Millisecond // of our own cluster, whatever the others do
	boundCalm  = 1500 * time.Millisecond
	boundLost  = 5 * time.Second // a cluster that died, and any news after a fault
	calmAfter  = 10 * time.Second
	boundReady = 5 * time.Second // reading the objects, and hearing or giving up peers
	// redialBound is when one of two connections to a bad instance was replaced by one to
	// a good one: each is replaced once a minute, and a load balancer takes turns.
	redialBound = 2*time.Minute + boundLost
	relayBound  = 3 * time.Second // until it is noticed that a third cluster has to be asked
)

// lookEvery is how often what time alone can violate is looked at; what an answer
// can violate is looked at with every World.
const lookEvery = 250 * time.Millisecond

// oracle knows the truth and compares what is answered with it. The Sim's lock
// guards it.
type oracle struct {
	s       *sim
	on      bool
	broken  *Failure
	entries map[netip.Addr]*entry
	hosts   map[gslb.Name]*gslb.Offer
	power   map[gslb.GeoTag]power
	causes  causes
	clocks  time.Time // when a clock was last stepped
}

func newOracle(s *sim) *oracle {
	return &oracle{
		s: s, entries: map[netip.Addr]*entry{}, hosts: map[gslb.Name]*gslb.Offer{}, power: map[gslb.GeoTag]power{},
	}
}

// view is what the oracle remembers of one process.
type view struct {
	world     *gslb.World
	hosts     map[gslb.Name]*answered
	direct    map[gslb.GeoTag]time.Time // since when it can read a cluster, or its own API
	any       map[gslb.GeoTag]time.Time // the same, through a third cluster too
	shut      map[gslb.GeoTag]time.Time // since when nobody can tell it what a cluster says
	mixed     map[gslb.GeoTag]time.Time // since when a cluster has instances that know less and ones that know more
	refused   map[gslb.GeoTag]time.Time // since when every process of a cluster refuses its key
	fresh     map[gslb.GeoTag]time.Time // since when it takes a cluster for fresh
	known     map[netip.Addr]bool       // entries that it must know as healthy, until it can know otherwise
	knows     map[gslb.GeoTag]bool      // whom it called, or who called it
	edgeTells time.Time                 // since when it could read the edge, and all are there
	cutOff    time.Time                 // when it was cut off from everything last, whether it knew or not
	reports   map[string]*gslb.Report   // for a planted bug: the last of each instance
	tokens    map[gslb.Name][]time.Time // changes of an answer that have a cause, and until when
	ready     bool
	remembers bool // it served a serial
}

// answered is what a process answers for a host.
type answered struct {
	host   *gslb.Host
	kind   answers.Kind
	addrs  []netip.Addr
	text   string
	reason gslb.Reason
}

func (v *view) init() {
	v.hosts, v.tokens = map[gslb.Name]*answered{}, map[gslb.Name][]time.Time{}
	v.direct, v.any = map[gslb.GeoTag]time.Time{}, map[gslb.GeoTag]time.Time{}
	v.known, v.knows = map[netip.Addr]bool{}, map[gslb.GeoTag]bool{}
	v.shut, v.mixed, v.fresh = map[gslb.GeoTag]time.Time{}, map[gslb.GeoTag]time.Time{}, map[gslb.GeoTag]time.Time{}
	v.reports, v.refused = map[string]*gslb.Report{}, map[gslb.GeoTag]time.Time{}
}

// watch begins to hold the invariants, and looks from time to time.
func (o *oracle) watch() {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if o.on {
		return
	}
	o.on = true
	for _, c := range o.s.clusters {
		for _, p := range c.running() {
			clear(p.view.tokens)
		}
	}
	o.truth()
	o.waysNow(time.Now())
	o.s.wg.Go(func() {
		t := time.NewTicker(lookEvery)
		defer t.Stop()
		for {
			select {
			case <-o.s.ctx.Done():
				return
			case <-t.C:
				o.s.mu.Lock()
				o.tick(time.Now())
				o.s.mu.Unlock()
			}
		}
	})
}

// failure gives the first violation; nil: none.
func (o *oracle) failure() *Failure {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	return o.broken
}

// fail notes a violation, once.
func (s *sim) fail(what string, p *process, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oracle.fail(what, p, format, args...)
}

func (o *oracle) fail(what string, p *process, format string, args ...any) {
	if o.broken != nil || !o.on {
		return
	}
	text := fmt.Sprintf(format, args...)
	if p != nil {
		text = p.name + ": " + text
	}
	o.broken = &Failure{After: time.Since(o.s.begin), What: what, Err: errors.New(text)}
}

// pass lets virtual time pass, in steps that end at the first violation.
func (s *sim) pass(d time.Duration) {
	for d > 0 && s.oracle.failure() == nil {
		one := min(d, time.Second)
		time.Sleep(one)
		d -= one
	}
}

// look takes a new World of a process and the table that was made of it.
func (s *sim) look(p *process, w *gslb.World, t *answers.Table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, now := s.oracle, time.Now()
	prev := p.view.world
	p.view.world = w
	if !p.running || !t.Ready() {
		if p.view.ready {
			o.fail(invAnswered, p, "it was ready and is not any more: SERVFAIL")
		}
		return
	}
	first := !p.view.ready
	p.view.ready = true
	for name := range w.Changed(prev) {
		o.take(p, name, t, first)
	}
	if first || prev != nil && !prev.Unsought.Equal(w.Unsought) {
		for name := range o.hosts {
			if p.view.hosts[name] == nil || !first {
				o.take(p, name, t, true)
			}
		}
	}
	o.serials(p, w)
	o.circles(p, w, now)
	o.check(p, now)
}

// take notes what is answered for a host now.
func (o *oracle) take(p *process, name gslb.Name, t *answers.Table, first bool) {
	r := t.Lookup(name, dns.TypeA)
	a := &answered{host: r.Host, kind: r.Kind, text: r.Kind.String()}
	if r.Kind == answers.Answer {
		a.text = joined(r)
		for _, sh := range r.Shares {
			a.addrs = append(a.addrs, sh.Addrs...)
		}
		slices.SortFunc(a.addrs, netip.Addr.Compare)
		a.addrs = slices.Compact(a.addrs)
	}
	if r.Host != nil {
		a.reason = strategies.Decide(r.Host).Reason
	}
	was := p.view.hosts[name]
	p.view.hosts[name] = a
	if first || was == nil || was.text == a.text {
		return
	}
	o.s.note("%s answers %s: %s", p.name, name, a.text)
	if o.s.logs != nil {
		fmt.Fprintf(o.s.logs, "%v %s answers %s: %s (%s), before %s\n", time.Since(o.s.begin), p.name, name, a.text, a.reason, was.text)
	}
	o.causes.spend(o, p, name, was, a)
}

func addrList(addrs []netip.Addr) string {
	var out []string
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return strings.Join(out, " ")
}
