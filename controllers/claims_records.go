// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// giveIn is how long a replica that does not lead holds that a claim ended which the status
// still tells of: by then whoever leads has written what it saw.
const giveIn = 30 * time.Second

// ending is the end of a claim.
type ending struct {
	at         time.Time // since when it was claimed
	generation int64     // the first of the Gslb that does not name the host; 0: what it refers to did not
	until      time.Time // when a replica gives in, where no generation tells
}

// records is what the status of a Gslb tells of its hosts, for whom and when.
type records struct {
	of         map[gslb.Name]*time.Time // see recordsOf
	generation int64                    // of the Gslb, that the status speaks of
	leads      bool                     // the status is ours to write
	now        time.Time
}

func (m *claims) read(s *gslbv1beta1.GslbStatus) records {
	return records{of: recordsOf(s), generation: s.ObservedGeneration, leads: m.leads(), now: m.now()}
}

// ends takes over which claims ended, as long as a status may tell of them.
func (c *claimed) ends(old *claimed, r *records) {
	for host, e := range old.ended {
		if record := r.of[host]; record != nil && !record.After(e.at) {
			c.ended[host] = e
		}
	}
	for host, at := range old.hosts {
		if _, named := c.hosts[host]; named {
			continue
		}
		e := ending{at: at, until: r.now.Add(giveIn)}
		if c.generation != old.generation {
			e.generation = c.generation
		}
		c.ended[host] = e
	}
}

// again gives after what time a replica gives in on a host that is named again; 0: on none.
func (c *claimed) again(r *records) (after time.Duration) {
	for host, e := range c.ended {
		if _, named := c.hosts[host]; !named || e.generation != 0 || r.leads || !r.now.Before(e.until) {
			continue
		}
		if left := e.until.Sub(r.now); after == 0 || left < after {
			after = left
		}
	}
	return after
}

// record gives what the status tells of a claim of now; zero: nothing.
func (c *claimed) record(host gslb.Name, r *records) time.Time {
	record := r.of[host]
	if record == nil || record.IsZero() {
		return time.Time{}
	}
	if c != nil {
		if e, over := c.ended[host]; over && !record.After(e.at) && r.lags(&e) {
			return time.Time{}
		}
	}
	return *record
}

// lags reports that the status may speak of the time before a claim ended. Else it was written
// by who leads after it, who did not see that the host was gone for a moment: for all replicas,
// then, it was not.
func (r *records) lags(e *ending) bool {
	switch {
	case r.leads:
		return true
	case e.generation != 0:
		return r.generation < e.generation
	}
	return r.now.Before(e.until)
}

// differs reports that a status tells otherwise of a host than is known here.
func (m *claims) differs(g *gslbv1beta1.Gslb) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of[types.NamespacedName{Namespace: g.Namespace, Name: g.Name}]
	if known == nil {
		return false
	}
	r := m.read(&g.Status)
	for host, at := range known.hosts {
		if record := known.record(host, &r); !record.IsZero() && !latest(record, g.CreationTimestamp.Time).Equal(at) {
			return true
		}
	}
	return false
}

// asRecorded gives servers with the times that the status tells of, where it tells of a claim of
// now: who leads may have one in the cache that was not taken in yet.
func (m *claims) asRecorded(g *gslbv1beta1.Gslb, servers []gslbv1beta1.Server) []gslbv1beta1.Server {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, r := m.of[types.NamespacedName{Namespace: g.Namespace, Name: g.Name}], m.read(&g.Status)
	servers = slices.Clone(servers)
	for i := range servers {
		s := &servers[i]
		host, err := gslb.ParseHost(s.Host)
		if err != nil || s.ClaimedAt == nil {
			continue
		}
		if record := known.record(host, &r); !record.IsZero() {
			s.ClaimedAt = &metav1.MicroTime{Time: latest(record, g.CreationTimestamp.Time)}
		}
	}
	return servers
}

// recordsOf gives what a status tells of hosts: since when they are claimed, nil where it
// names the host without a time, as that of a version before there were any.
func recordsOf(s *gslbv1beta1.GslbStatus) map[gslb.Name]*time.Time {
	all := make(map[gslb.Name]*time.Time, len(s.Servers))
	for i := range s.Servers {
		server := &s.Servers[i]
		host, err := gslb.ParseHost(server.Host)
		if err != nil {
			continue
		}
		if all[host] = nil; server.ClaimedAt != nil {
			at := bounded(server.ClaimedAt.Time)
			all[host] = &at
		}
	}
	return all
}

// reconciled reports that a status was written by us.
func reconciled(s *gslbv1beta1.GslbStatus) bool {
	return s.ObservedGeneration != 0 || len(s.Conditions) > 0
}

// lastTime is the last that can be written.
var lastTime = time.Date(9999, time.December, 31, 23, 59, 59, 999999000, time.UTC)

// bounded gives a time as it is recorded.
func bounded(t time.Time) time.Time {
	if t = t.UTC().Truncate(time.Microsecond); t.After(lastTime) {
		return lastTime
	}
	return t
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
