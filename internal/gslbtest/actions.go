// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// doCluster carries out a line about one cluster, or one of its processes: TAG or
// TAG/N.
func (s *sim) doCluster(cmd string, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s of which cluster?", cmd)
	}
	tag, number, one := cutTag(args[0])
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(string(tag))
	if err != nil {
		return err
	}
	slots := c.slots
	if one {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n > len(slots) {
			return fmt.Errorf("cluster %s has no process %q", tag, number)
		}
		slots = slots[n-1 : n]
	}
	defer func() { s.oracle.cause(cmd, args...) }()
	if !c.vanished.IsZero() && (cmd == "down" || cmd == "up" || cmd == "offer" || cmd == "withdraw") {
		c.unseen = true
	}
	switch cmd {
	case "kill", "start", "recall", "freeze", "thaw", "stall", "unstall":
		return s.doProcesses(cmd, c, slots, one)
	case "rekey":
		var other []*slot
		for _, sl := range slots {
			if sl.p != nil && sl.p.running && !slices.Equal(sl.p.keys, c.keys) {
				other = append(other, sl)
			}
		}
		if err := s.doProcesses("kill", c, other, true); err != nil {
			return err
		}
		return s.doProcesses("start", c, other, true)
	}
	return s.doObjects(cmd, c, slots, args[1:])
}

// cutTag reads TAG or TAG/N.
func cutTag(who string) (tag gslb.GeoTag, number string, one bool) {
	t, number, one := strings.Cut(who, "/")
	return gslb.GeoTag(t), number, one
}

// doProcesses carries out what happens to processes. The lock is held.
func (s *sim) doProcesses(cmd string, c *cluster, slots []*slot, one bool) error {
	if !one && (cmd == "kill" || cmd == "start" || cmd == "recall") {
		c.powered = cmd != "kill"
	}
	for _, sl := range slots {
		p := sl.p
		runs := p != nil && p.running
		switch {
		case cmd == "start" || cmd == "recall":
			if runs || !c.powered {
				continue
			}
			if err := sl.start(cmd == "recall"); err != nil {
				return err
			}
			c.leaving = false
		case !runs:
		case cmd == "kill":
			s.mu.Unlock()
			p.stop()
			s.mu.Lock()
		case cmd == "freeze":
			p.frozen, p.froze = true, time.Now()
		case cmd == "thaw" && p.frozen:
			s.mu.Unlock()
			p.goOn()
			s.mu.Lock()
		case cmd == "stall":
			p.stalled = true
		case cmd == "unstall":
			p.stalled = false
			p.notice(0)
		}
	}
	return nil
}

// doObjects carries out what happens to a cluster's API and what it says. The
// lock is held.
func (s *sim) doObjects(cmd string, c *cluster, slots []*slot, args []string) error {
	if len(args) == 0 && !slices.Contains([]string{"blind", "sighted", "vanish", "return"}, cmd) {
		return fmt.Errorf("%s needs a word more", cmd)
	}
	switch cmd {
	case "offer":
		return c.offer(args)
	case "withdraw":
		host := gslb.MustName(args[0])
		s.oracle.withdrawn(c, host)
		delete(c.objects, host)
		c.changed()
	case "down", "up":
		for _, a := range args {
			addr, err := netip.ParseAddr(a)
			if err != nil {
				return err
			}
			c.down[addr] = cmd == "down"
		}
		s.oracle.truth()
		c.changed()
	case "vanish", "return":
		c.list(cmd == "return")
	case "keys":
		c.keys = strings.Split(args[0], ",")
	case "probe":
		c.probe(netip.MustParseAddr(args[0]), args[1] == "up")
	case "override":
		o := *c.objects[gslb.MustName(args[0])]
		o.Override = gslb.Override(strings.TrimPrefix(args[1], "none"))
		c.objects[o.Host] = &o
		c.changed()
	case "announce":
		if c.leaving {
			return nil // who says goodbye says nothing after it
		}
		for _, sl := range slots {
			sl.p.store.UpdateLocal(func(l *gslb.LocalState) { l.Announcement = gslb.Announcement(args[0]) })
			sl.paused = time.Now()
		}
		if args[0] == "leave" {
			c.leaving, c.left = true, time.Now()
		}
	case "blind":
		c.away = true
		for _, p := range c.running() {
			p.notice(blindAfter)
		}
	case "sighted":
		c.away = false
		c.changed()
	case "clock":
		d, err := time.ParseDuration(args[0])
		c.skew.Add(int64(d))
		s.oracle.clocks = time.Now()
		return err
	default:
		return fmt.Errorf("unknown command %q", cmd)
	}
	return nil
}

// list lets lists of the API be empty, as after a restore that went wrong, or not any
// more. The lock is held.
func (c *cluster) list(whole bool) {
	switch {
	case whole && !c.vanished.IsZero():
		c.vanished, c.returned = time.Time{}, time.Now()
	case !whole && c.vanished.IsZero():
		c.vanished, c.unseen, c.forgot = time.Now(), false, false
	default:
		return
	}
	c.changed()
}

// probe sets what probes say of an address. The lock is held.
func (c *cluster) probe(addr netip.Addr, up bool) {
	for host := range c.objects {
		if c.verdicts[host] == nil {
			c.verdicts[host] = map[netip.Addr]gslb.Health{}
		}
		c.verdicts[host][addr] = gslb.Unhealthy
		if up {
			c.verdicts[host][addr] = gslb.Healthy
		}
	}
	c.changed()
}
