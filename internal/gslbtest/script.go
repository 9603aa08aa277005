// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing/synctest"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// step is the grain at which "within" and "steady" look.
const step = 10 * time.Millisecond

// do carries out one line of a story.
func (s *sim) do(f []string) error {
	cmd, args := f[0], f[1:]
	switch cmd {
	case "edge":
		s.edge = args[0] != "none"
	case "entrycheck":
		s.entryCheck = args[0] != "off"
	case "cluster", "start":
		for _, tag := range args {
			if err := s.startCluster(gslb.GeoTag(tag)); err != nil {
				return err
			}
		}
	case "cut", "heal":
		return s.setCut(args, cmd == "cut")
	case "advance":
		d, err := time.ParseDuration(args[0])
		time.Sleep(d)
		return err
	case "ask":
		return s.ask(args)
	case "within":
		return s.within(args)
	case "steady":
		return s.steady(args)
	case "state":
		return s.state(args)
	default:
		return s.doCluster(cmd, args)
	}
	return nil
}

// doCluster carries out a line about one cluster.
func (s *sim) doCluster(cmd string, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s of which cluster?", cmd)
	}
	c, err := s.cluster(args[0])
	if err != nil {
		return err
	}
	args = args[1:]
	switch cmd {
	case "offer":
		return c.offer(args)
	case "withdraw":
		host := gslb.MustName(args[0])
		src := c.objects[host].Source
		delete(c.objects, host)
		c.store.SetObject(src, nil)
	case "down", "up":
		for _, a := range args {
			c.down[netip.MustParseAddr(a)] = cmd == "down"
		}
		c.report()
	case "probe":
		v := gslb.Verdict{Addr: netip.MustParseAddr(args[0]), Health: gslb.Healthy}
		if args[1] == "down" {
			v.Health = gslb.Unhealthy
		}
		for host := range c.objects {
			v.Host = host
			c.store.SetVerdict(v)
		}
	case "override":
		o := *c.objects[gslb.MustName(args[0])]
		o.Override = gslb.Override(strings.TrimPrefix(args[1], "none"))
		c.objects[o.Host] = &o
		c.report()
	case "kill", "freeze":
		c.halt(cmd == "freeze")
	case "announce":
		c.store.UpdateLocal(func(l *gslb.LocalState) { l.Announcement = gslb.Announcement(args[0]) })
	default:
		return fmt.Errorf("unknown command %q", cmd)
	}
	return nil
}

// offer reads: HOST STRATEGY [key=value…] ADDR…
func (c *cluster) offer(args []string) error {
	host, err := gslb.ParseHost(args[0])
	if err != nil {
		return err
	}
	o := &gslb.Offer{
		Host: host, Source: gslb.Source{Kind: "Gslb", Namespace: "default", Name: host.String()},
		Created: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		Policy:  gslb.Policy{Strategy: gslb.Strategy(args[1]), TTL: 30, WhenAllUnhealthy: gslb.Empty},
	}
	for _, a := range args[2:] {
		if k, v, ok := strings.Cut(a, "="); ok {
			if err := setKey(o, k, v); err != nil {
				return err
			}
			continue
		}
		addr, err := netip.ParseAddr(a)
		if err != nil {
			return err
		}
		o.Entries = append(o.Entries, gslb.Entry{Addr: addr, Health: gslb.Healthy, Reason: gslb.ReasonReady})
	}
	c.objects[host] = o
	c.report()
	return nil
}

func setKey(o *gslb.Offer, k, v string) error {
	p := &o.Policy
	switch k {
	case "primary":
		p.Primary = gslb.GeoTag(v)
	case "order":
		for t := range strings.SplitSeq(v, ",") {
			p.FailoverOrder = append(p.FailoverOrder, gslb.GeoTag(t))
		}
	case "weights":
		for w := range strings.SplitSeq(v, ",") {
			tag, n, _ := strings.Cut(w, ":")
			weight, err := strconv.ParseUint(n, 10, 16)
			if err != nil {
				return err
			}
			p.Weights = append(p.Weights, gslb.Weight{Cluster: gslb.GeoTag(tag), Weight: uint16(weight)})
		}
		slices.SortFunc(p.Weights, func(a, b gslb.Weight) int { return strings.Compare(string(a.Cluster), string(b.Cluster)) })
	case "unhealthy":
		p.WhenAllUnhealthy = gslb.WhenAllUnhealthy(v)
	case "fallback":
		p.Fallback = append(p.Fallback, netip.MustParseAddr(v))
	case "check":
		o.Check = &gslb.Check{Kind: gslb.CheckTCP, Port: 80, Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 1}
	default:
		return fmt.Errorf("unknown key %q of an offer", k)
	}
	return nil
}

// ask compares: TAG HOST = ADDR… [because REASON]
func (s *sim) ask(args []string) error {
	c, err := s.cluster(args[0])
	if err != nil {
		return err
	}
	if len(args) < 4 || args[2] != "=" {
		return fmt.Errorf("write: ask TAG HOST = ADDR… [because REASON]")
	}
	want := args[3:]
	because := ""
	if i := slices.Index(want, "because"); i >= 0 {
		want, because = want[:i], want[i+1]
	}
	got, reason := c.answer(gslb.MustName(args[1]))
	if got != strings.Join(want, " ") {
		return fmt.Errorf("the answer is %s (%s)", got, reason)
	}
	if because != "" && because != string(reason) {
		return fmt.Errorf("the answer is right, but because %s", reason)
	}
	return nil
}

// within waits for: DURATION ask …
func (s *sim) within(args []string) error {
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	begin := time.Now()
	for {
		synctest.Wait()
		err := s.do(args[1:])
		if err == nil {
			s.log("after %v: %s", time.Since(begin), strings.Join(args[1:], " "))
			return nil
		}
		if time.Since(begin) >= d {
			return fmt.Errorf("not within %v: %w", d, err)
		}
		time.Sleep(step)
	}
}

// steady watches: DURATION TAG HOST
func (s *sim) steady(args []string) error {
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	c, err := s.cluster(args[1])
	if err != nil {
		return err
	}
	host := gslb.MustName(args[2])
	was, _ := c.answer(host)
	for begin := time.Now(); time.Since(begin) < d; time.Sleep(step) {
		synctest.Wait()
		if now, why := c.answer(host); now != was {
			return fmt.Errorf("after %v the answer changed from %s to %s (%s)", time.Since(begin), was, now, why)
		}
	}
	return nil
}

// state compares: TAG OF = LIVENESS [WITNESS]
func (s *sim) state(args []string) error {
	c, err := s.cluster(args[0])
	if err != nil {
		return err
	}
	p := c.store.World().Cluster(gslb.GeoTag(args[1]))
	if p == nil {
		return fmt.Errorf("%s does not know %s", args[0], args[1])
	}
	got := p.Liveness.String()
	if p.Liveness == gslb.Vouched {
		got += " " + p.Witness.Kind.String()
	}
	if want := strings.Join(args[3:], " "); got != want && p.Liveness.String() != want {
		return fmt.Errorf("it is %s", got)
	}
	return nil
}
