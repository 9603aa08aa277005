// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// agree waits until every process answers what the truth asks for: agree DURATION.
// With a second word, "edge", the edge zone must be complete too.
func (s *sim) agree(args []string) error {
	if len(args) == 0 {
		return errors.New("write: agree DURATION [edge]")
	}
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	begin := time.Now()
	for s.oracle.failure() == nil {
		synctest.Wait()
		why := s.disagreement(len(args) > 1)
		if why == "" {
			s.log("after %v all agree", time.Since(begin))
			return nil
		}
		if time.Since(begin) >= d {
			s.fail(invAgree, nil, "after %v %s", d, why)
			return nil
		}
		time.Sleep(5 * step)
	}
	return nil
}

// disagreement says where the truth is not answered; "": nowhere.
func (s *sim) disagreement(edgeToo bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.sorted() {
		for _, p := range c.running() {
			w := p.view.world
			if w == nil || !w.Ready {
				return p.name + " is not ready"
			}
			for i := range w.Clusters {
				if k := &w.Clusters[i]; s.clusters[k.Tag].powered && !k.Believed() || k.Liveness == gslb.Vouched {
					return fmt.Sprintf("%s takes %s for %s", p.name, k.Tag, k.Liveness)
				}
			}
			for name, offer := range s.oracle.hosts {
				a := p.view.hosts[name]
				want := s.expected(name, &offer.Policy)
				if a == nil && want != "" || a != nil && want != addrList(a.addrs) {
					got := "nothing"
					if a != nil {
						got = a.text
					}
					return fmt.Sprintf("%s answers %s for %s, and right would be %q", p.name, got, name, want)
				}
			}
		}
	}
	if edgeToo && s.edge != edgeNone {
		return s.incomplete()
	}
	return ""
}

// expected is the right answer: by the truth, and by the policy that all share.
func (s *sim) expected(name gslb.Name, policy *gslb.Policy) string {
	by := map[gslb.GeoTag][]netip.Addr{}
	for _, e := range s.oracle.entries {
		if e.host == name && e.serves() {
			by[e.c.tag] = append(by[e.c.tag], e.addr)
		}
	}
	var out []netip.Addr
	order := policy.FailoverOrder
	if policy.Primary != "" {
		order = []gslb.GeoTag{policy.Primary}
	}
	if policy.Strategy == gslb.Failover {
		for _, tag := range order {
			if out = by[tag]; len(out) > 0 {
				break
			}
		}
	}
	if len(out) == 0 {
		for _, addrs := range by {
			out = append(out, addrs...)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return addrList(out)
}

// incomplete says what the edge zone lacks.
func (s *sim) incomplete() string {
	parent := s.zone.Parent()
	var want []string
	if s.edge == edgeUpdates {
		want = append(want, foreignServer)
	}
	for _, c := range s.sorted() {
		if len(c.running()) == 0 {
			continue
		}
		name, err := gslb.NameServerName(c.tag, s.zone, parent)
		if err != nil {
			return err.Error()
		}
		want = append(want, name.FQDN())
		if glue := s.zoneAt.get(name, edge.TypeA); !slices.Equal(glue, []string{c.addr.String()}) {
			return fmt.Sprintf("the glue of %s at the edge is %v", c.tag, glue)
		}
	}
	slices.Sort(want)
	for _, w := range want {
		if have := s.zoneAt.get(s.zone, edge.TypeNS); !slices.Contains(have, w) {
			return fmt.Sprintf("the edge has %s, and right would be %s", strings.Join(have, " "), strings.Join(want, " "))
		}
	}
	return ""
}
