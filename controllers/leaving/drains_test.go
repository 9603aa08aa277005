// SPDX-License-Identifier: Apache-2.0

package leaving_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/controllers/leaving"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// key is the Gslb of the tests.
var key = types.NamespacedName{Namespace: "a", Name: "app"}

// TestAddressesThatLeftDrain goes through the table above Drains.
func TestAddressesThatLeftDrain(t *testing.T) {
	host := gslb.MustName("app.cloud.example.com")
	const hold = 5 * time.Minute
	type step struct {
		at    time.Duration
		has   []string // addresses, or names that are not resolved
		want  string   // what drains
		again time.Duration
		why   string
	}
	for _, c := range []struct {
		name   string
		ttl    uint32
		check  *gslb.Check
		asks   bool
		scheme string
		steps  []step
		before []string // what the World of before the start has
	}{
		{"an address changes, and its host is probed", 30, &gslb.Check{}, false, "", []step{
			{0, []string{"192.0.2.1"}, "[]", 0, "nothing left"},
			{time.Second, []string{"192.0.2.2"}, "[192.0.2.1]", 31 * time.Second, "the new one is there, the old one stays for the TTL"},
			{30 * time.Second, []string{"192.0.2.2"}, "[192.0.2.1]", 31 * time.Second, "counted from when it left"},
			{31 * time.Second, []string{"192.0.2.2"}, "[]", 0, "the TTL is over"},
		}, nil},
		{"an address changes, and entries are asked as clients do", 30, nil, true, "https", []step{
			{0, []string{"192.0.2.1"}, "[]", 0, ""},
			{time.Second, []string{"192.0.2.2"}, "[192.0.2.1]", 31 * time.Second, ""},
		}, nil},
		{"nobody can ask it", 30, nil, true, "tcp", []step{
			{0, []string{"192.0.2.1"}, "[]", 0, ""},
			{time.Second, []string{"192.0.2.2"}, "[]", 0, "it is not known to serve"},
		}, nil},
		{"nobody asks", 30, nil, false, "http", []step{
			{0, []string{"192.0.2.1"}, "[]", 0, ""},
			{time.Second, []string{"192.0.2.2"}, "[]", 0, ""},
		}, nil},
		{"a long TTL", 86400, &gslb.Check{}, false, "", []step{
			{0, []string{"192.0.2.1"}, "[]", 0, ""},
			{0, []string{"192.0.2.2"}, "[192.0.2.1]", 5 * time.Minute, "five minutes at most"},
		}, nil},
		{"it comes back, and leaves again", 30, &gslb.Check{}, false, "", []step{
			{0, []string{"192.0.2.1"}, "[]", 0, ""},
			{time.Second, []string{"192.0.2.2"}, "[192.0.2.1]", 31 * time.Second, ""},
			{2 * time.Second, []string{"192.0.2.1"}, "[192.0.2.2]", 32 * time.Second, "the other way round"},
			{3 * time.Second, []string{"192.0.2.2"}, "[192.0.2.1]", 33 * time.Second, ""},
		}, nil},
		{"one of two leaves", 30, &gslb.Check{}, false, "", []step{
			{0, []string{"192.0.2.1", "2001:db8::1"}, "[]", 0, ""},
			{0, []string{"192.0.2.1"}, "[2001:db8::1]", 30 * time.Second, ""},
		}, nil},
		{"it turns into a host name, which is resolved later", 30, &gslb.Check{}, false, "", []step{
			{0, []string{"192.0.2.1"}, "[]", 0, ""},
			{time.Second, []string{"lb.example.net"}, "[192.0.2.1]", time.Second + hold, "never an empty answer"},
			{2 * time.Minute, []string{"192.0.2.9"}, "[]", 0, "resolved, longer than a TTL after it left"},
			{3 * time.Minute, []string{"lb-2.example.net"}, "[192.0.2.9]", 3*time.Minute + hold, "another name: the address that was there last"},
		}, nil},
		{"and is resolved soon", 30, &gslb.Check{}, false, "", []step{
			{0, []string{"192.0.2.1"}, "[]", 0, ""},
			{time.Second, []string{"lb.example.net"}, "[192.0.2.1]", time.Second + hold, ""},
			{2 * time.Second, []string{"192.0.2.9"}, "[192.0.2.1]", 31 * time.Second, "the rest of the TTL"},
		}, nil},
		{"it changes, and turns into a host name later", 30, &gslb.Check{}, false, "", []step{
			{0, []string{"192.0.2.1"}, "[]", 0, ""},
			{time.Second, []string{"192.0.2.2"}, "[192.0.2.1]", 31 * time.Second, ""},
			{20 * time.Second, []string{"lb.example.net"}, "[192.0.2.1 192.0.2.2]", 31 * time.Second, "the first for the rest of its TTL"},
			{31 * time.Second, []string{"lb.example.net"}, "[192.0.2.2]", 20*time.Second + hold, "the other had it last"},
		}, nil},
		{"it changed long before it turns into a host name", 30, &gslb.Check{}, false, "", []step{
			{0, []string{"192.0.2.1"}, "[]", 0, ""},
			{time.Second, []string{"192.0.2.2"}, "[192.0.2.1]", 31 * time.Second, ""},
			{time.Minute, []string{"lb.example.net"}, "[192.0.2.2]", time.Minute + hold, "by now the first may be anybody's"},
		}, nil},
		{"it changed where nobody can ask, and turns into a host name", 30, nil, true, "tcp", []step{
			{0, []string{"192.0.2.1"}, "[]", 0, ""},
			{time.Second, []string{"192.0.2.2"}, "[]", 0, ""},
			{2 * time.Second, []string{"lb.example.net"}, "[192.0.2.2]", 2*time.Second + hold, "what was dropped stays dropped"},
		}, nil},
		{"everything is gone", 30, &gslb.Check{}, false, "", []step{
			{0, []string{"192.0.2.1"}, "[]", 0, ""},
			{time.Second, nil, "[]", 0, "Memory has kept it for as long as it may"},
		}, nil},
		{"a restart while its status is empty", 30, nil, false, "", []step{
			{0, nil, "[192.0.2.1]", hold, "the process before kept it"},
			{time.Minute, nil, "[192.0.2.1]", hold, "counted from the start"},
			{2 * time.Minute, []string{"192.0.2.1"}, "[]", 0, "it is back"},
			{3 * time.Minute, nil, "[]", 0, "from here on Memory knows it"},
		}, []string{"192.0.2.1"}},
		{"a restart while its status stays empty", 30, nil, false, "", []step{
			{0, nil, "[192.0.2.1 192.0.2.2]", hold, ""},
			{hold, nil, "[]", 0, "not for ever"},
		}, []string{"192.0.2.1", "192.0.2.2"}},
		{"a restart in which the address changed", 30, &gslb.Check{}, false, "", []step{
			{0, []string{"192.0.2.2"}, "[192.0.2.1]", 30 * time.Second, "as in a process that goes on"},
		}, []string{"192.0.2.1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, start := leaving.NewDrains(hold, c.asks, func(gslb.Source, gslb.Name) []gslb.Entry { return entriesAt(c.before, c.scheme) }), time.Now()
			for _, st := range c.steps {
				o := &gslb.Offer{Host: host, Check: c.check, Policy: gslb.Policy{TTL: c.ttl}}
				if o.Entries = entriesAt(st.has, c.scheme); len(o.Entries) == 0 {
					o.Reason = gslb.ReasonAddressUnknown
				}
				out := translate.Output{Offers: []*gslb.Offer{o}, Hosts: []translate.HostStatus{{Host: host, Readiness: gslb.Healthy, ReadinessReason: gslb.ReasonReady}}}
				again := d.Apply(key, &out, start.Add(st.at))
				var drains []netip.Addr
				for _, e := range out.Offers[0].Entries {
					if e.Draining {
						drains = append(drains, e.Addr)
						assert.Equal(t, gslb.Healthy, e.Health, "as the backends are")
					}
				}
				assert.Equal(t, st.want, fmt.Sprint(drains), "%s: %s", st.at, st.why)
				if st.again == 0 {
					assert.Zero(t, again, "%s: %s", st.at, st.why)
				} else {
					assert.Equal(t, st.again, again.Sub(start), "%s: %s", st.at, st.why)
				}
				assert.Len(t, o.Entries, len(st.has), "the translation itself is not changed")
			}
			d.Forget(key)
		})
	}
}

// entriesAt are healthy entries at addresses, or the names of load balancers.
func entriesAt(at []string, scheme string) []gslb.Entry {
	var all []gslb.Entry
	for _, a := range at {
		e := gslb.Entry{Hostname: a, Health: gslb.HealthUnknown, Reason: gslb.ReasonUnresolved}
		if addr, err := netip.ParseAddr(a); err == nil {
			e = gslb.Entry{Addr: addr, Health: gslb.Healthy, Reason: gslb.ReasonReady, Ask: gslb.Ask{Scheme: scheme}}
		}
		all = append(all, e)
	}
	return all
}

// TestRefusedAddressDoesNotDrain: what turned out to lie inside the cluster is no entry any
// more, at once.
func TestRefusedAddressDoesNotDrain(t *testing.T) {
	const hold = 5 * time.Minute
	host, start := gslb.MustName("app.cloud.example.com"), time.Now()
	d := leaving.NewDrains(hold, true, func(gslb.Source, gslb.Name) []gslb.Entry { return nil })
	at := func(after time.Duration, refused []netip.Addr, has ...string) []gslb.Entry {
		out := translate.Output{Refused: refused, Offers: []*gslb.Offer{{Host: host, Check: &gslb.Check{}, Policy: gslb.Policy{TTL: 30}, Entries: entriesAt(has, "http")}}}
		d.Apply(key, &out, start.Add(after))
		return out.Offers[0].Entries
	}
	inside := []netip.Addr{netip.MustParseAddr("10.96.0.1")}
	assert.Len(t, at(0, nil, "10.96.0.1", "192.0.2.1", "192.0.2.2"), 3)
	assert.Len(t, at(time.Second, inside, "192.0.2.1"), 2, "192.0.2.2 drains, the other does not")
	assert.Len(t, at(2*time.Second, nil, "10.96.0.1", "192.0.2.1"), 3)
	assert.Len(t, at(3*time.Second, nil, "192.0.2.1"), 3, "it was let in, and went: it drains")
	assert.Len(t, at(4*time.Second, inside, "192.0.2.1"), 2, "no longer")
}
