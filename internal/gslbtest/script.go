// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// do carries out one line of a story.
func (s *sim) do(f []string) error {
	cmd, args := f[0], f[1:]
	if slices.Contains([]string{"seed", "edge", "anchor", "entrycheck", "replicas", "instances", "cluster", "advance", "watch", "edgezone"}, cmd) {
		return s.doStage(cmd, args)
	}
	switch cmd {
	case "cut", "heal", "close", "open", "loss", "delay", "twice":
		return s.doRoad(cmd, args)
	case "ask":
		return s.ask(args)
	case "within":
		return s.within(args)
	case "steady":
		return s.steady(args)
	case "state":
		return s.state(args)
	case "agree":
		return s.agree(args)
	}
	return s.doCluster(cmd, args)
}

// doStage carries out what sets the stage, and the passing of time.
func (s *sim) doStage(cmd string, args []string) (err error) {
	if len(args) == 0 && cmd != "watch" {
		return fmt.Errorf("%s needs a word more", cmd)
	}
	switch cmd {
	case "seed":
		s.seed, err = strconv.ParseUint(args[0], 10, 64)
	case "edge":
		s.edge = args[0]
		if !slices.Contains([]string{edgeUpdates, edgeObjects, edgeNone}, s.edge) {
			err = fmt.Errorf("edge %q: have %s, %s and %s", s.edge, edgeUpdates, edgeObjects, edgeNone)
		}
		if s.edge == edgeObjects {
			s.wg.Go(func() { s.carry(s.ctx) })
		}
	case "anchor":
		s.anchor = args[0] == "on"
	case "entrycheck":
		s.entryCheck = args[0] != "off"
	case "replicas":
		s.alone = args[0] == "off"
	case "instances":
		if len(args) != 2 {
			return errors.New("write: instances TAG N")
		}
		s.perCluster[gslb.GeoTag(args[0])], err = strconv.Atoi(args[1])
	case "cluster":
		return s.start(args)
	case "advance":
		var d time.Duration
		d, err = time.ParseDuration(args[0])
		s.pass(d)
	case "watch":
		s.oracle.watch()
	case "edgezone":
		return s.doEdge(args[0])
	}
	return err
}

// start adds clusters, all of them before the first process, and runs them.
func (s *sim) start(tags []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tag := range tags {
		if s.clusters[gslb.GeoTag(tag)] != nil {
			return fmt.Errorf("cluster %s is there already", tag)
		}
		s.addCluster(gslb.GeoTag(tag))
	}
	for _, tag := range tags {
		for _, sl := range s.clusters[gslb.GeoTag(tag)].slots {
			if err := sl.start(false); err != nil {
				return err
			}
		}
	}
	s.oracle.cause("cluster")
	return nil
}

// doEdge carries out what happens to the edge zone.
func (s *sim) doEdge(what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch what {
	case "down", "up":
		s.zoneAt.down = what == "down"
		s.zoneAt.carryOver()
	case "second":
		s.zoneAt.copy = maps.Clone(s.zoneAt.sets)
	case "stale", "fresh":
		s.zoneAt.stale = what == "stale"
		s.zoneAt.carryOver()
	case "save":
		s.zoneAt.save()
	case "restore":
		s.zoneAt.restore()
	default:
		return fmt.Errorf("edgezone %q: have down, up, second, stale, fresh, save and restore", what)
	}
	s.oracle.cause("edgezone")
	return nil
}

// doRoad carries out: cut|heal|close|open A B, A > B; heal all; loss|delay|twice A B X.
func (s *sim) doRoad(cmd string, args []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cmd == "heal" && len(args) == 1 && args[0] == "all" {
		clear(s.net.roads)
		s.oracle.cause(cmd)
		return nil
	}
	value := ""
	if cmd == "loss" || cmd == "delay" || cmd == "twice" {
		if len(args) < 3 {
			return fmt.Errorf("write: %s A B HOW-MUCH", cmd)
		}
		args, value = args[:len(args)-1], args[len(args)-1]
	}
	var roads []*quality
	switch {
	case len(args) == 2:
		a, b := gslb.GeoTag(args[0]), gslb.GeoTag(args[1])
		roads = append(roads, s.net.at(a, b), s.net.at(b, a))
	case len(args) == 3 && args[1] == ">":
		roads = append(roads, s.net.at(gslb.GeoTag(args[0]), gslb.GeoTag(args[2])))
	default:
		return fmt.Errorf("write: %s A B, or: %s A > B", cmd, cmd)
	}
	for _, q := range roads {
		if err := q.set(cmd, value); err != nil {
			return err
		}
	}
	if value == "" {
		s.oracle.cause(cmd, args...)
	}
	return nil
}

func (q *quality) set(cmd, value string) (err error) {
	switch cmd {
	case "cut", "heal":
		q.cut = cmd == "cut"
	case "close", "open":
		q.closed = cmd == "close"
	case "loss":
		q.loss, err = strconv.ParseFloat(value, 64)
	case "twice":
		q.twice, err = strconv.ParseFloat(value, 64)
	case "delay":
		q.delay, err = time.ParseDuration(value)
	}
	return err
}

// offer reads: HOST STRATEGY [key=value…] ADDR…; the lock is held.
func (c *cluster) offer(args []string) error {
	if len(args) < 2 {
		return errors.New("write: offer TAG HOST STRATEGY [KEY=VALUE…] ADDR…")
	}
	host, err := gslb.ParseHost(args[0])
	if err != nil {
		return err
	}
	o := &gslb.Offer{
		Host: host, Source: sourceOf(host), Created: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		Policy: gslb.Policy{Strategy: gslb.Strategy(args[1]), TTL: 30, WhenAllUnhealthy: gslb.Empty},
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
		o.Entries = append(o.Entries, gslb.Entry{Addr: addr, Health: gslb.Healthy, Reason: gslb.ReasonReady, Ask: gslb.Ask{Scheme: "http"}})
	}
	c.objects[host] = o
	c.s.oracle.offered(c, o)
	c.changed()
	return nil
}

func setKey(o *gslb.Offer, k, v string) error {
	p := &o.Policy
	switch k {
	case "returndelay":
		d, err := time.ParseDuration(v)
		p.ReturnDelay = d
		return err
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
