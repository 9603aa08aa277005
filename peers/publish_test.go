// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// says gives the report of a cluster as text.
func says(t *testing.T, c *cluster) string {
	t.Helper()
	text := ""
	for _, rr := range answers(newClient(t, c).ask("_report."+string(c.tag)+".cloud.example.com.", dns.TypeAXFR)) {
		text += rr.String() + "\n"
	}
	return text
}

func TestHostThatDoesNotFitHarmsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu, us := w.start("eu", two), w.start("us", two)
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(3 * time.Second)

		src := gslb.Source{Kind: "Gslb", Namespace: "test", Name: app}
		big := &gslb.Offer{Host: gslb.MustName(app), Source: src, Created: time.Unix(1, 0)}
		for i := range 300 {
			big.Entries = append(big.Entries, gslb.Entry{Addr: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), Health: gslb.Healthy})
		}
		us.store.SetObject(src, []*gslb.Offer{big})
		us.offer("b.cloud.example.com", "198.51.100.2", gslb.Healthy)
		settle(time.Second)
		assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app), "as it was last told")
		assert.Equal(t, "198.51.100.2 healthy", eu.sees("us", "b.cloud.example.com"))
		us.store.SetObject(src, []*gslb.Offer{{Host: big.Host, Source: src, Created: time.Unix(2, 0), Entries: big.Entries}})
		settle(time.Second)
		assert.Equal(t, 1, us.logs.with("level=ERROR", "host cannot be reported", "host=app.cloud.example.com", "300 entries; at most 256"), us.logs)

		us.offer(app, "198.51.100.3", gslb.Healthy)
		settle(time.Second)
		assert.Equal(t, "198.51.100.3 healthy", eu.sees("us", app))
		assert.Equal(t, 1, us.logs.with("host is reported again"))
	})
}

// TestRecordsThatDoNotFitHarmNoHost: the host at their name is told, they are not.
func TestRecordsThatDoNotFitHarmNoHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu, us := w.start("eu", two), w.start("us", two)
		us.offer(app, "198.51.100.1", gslb.Healthy)
		var large []gslb.Record
		for i := range 9 {
			large = append(large, gslb.Record{Name: gslb.MustName(app), Type: 65280, TTL: 60, Data: fmt.Sprintf(`\# 4000 %02x`, i) + strings.Repeat("00", 3999)[:7998]})
		}
		good := gslb.Record{Name: gslb.MustName("t.cloud.example.com"), Type: dns.TypeTXT, TTL: 60, Data: `"hello"`}
		set := func(records ...gslb.Record) {
			us.store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: zone.Parent(), Records: records}})
			settle(3 * time.Second)
		}
		told := func() int { // sets that eu serves of us
			r := eu.store.World().Zone(zone).Static
			if r == nil {
				return 0
			}
			return len(r.Sets)
		}
		set(append(large, good)...)
		assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app))
		assert.Equal(t, 1, told(), "the good one alone")
		assert.Equal(t, 1, us.logs.with("level=ERROR", "records cannot be reported", "name=app.cloud.example.com", "octets; at most 60000"), us.logs)
		us.offer(app, "198.51.100.2", gslb.Healthy)
		settle(time.Second)
		assert.Equal(t, "198.51.100.2 healthy", eu.sees("us", app), "the host goes on")
		set(large[0], good)
		assert.Equal(t, 2, told())
	})
}

func TestStaticRecordsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu := w.start("eu", nil)
		eu.offer(app, "192.0.2.1", gslb.Healthy)
		settle(time.Second)
		set := func(records ...gslb.Record) string {
			eu.store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: zone.Parent(), Records: records}})
			settle(2 * time.Second)
			return says(t, eu)
		}
		txt := gslb.Record{Name: gslb.MustName("t.cloud.example.com"), Type: dns.TypeTXT, TTL: 60, Data: "hello"}
		beside := gslb.Record{Name: gslb.MustName(app), Type: dns.TypeTXT, TTL: 60, Data: "beside"}
		assert.Contains(t, set(txt), `"record" "n=0" "name=t.cloud.example.com" "type=TXT" "ttl=60" "data=hello"`)
		both := set(txt, beside)
		assert.Contains(t, both, `"n=1" "name=app.cloud.example.com" "type=TXT" "ttl=60" "data=beside"`)
		assert.Equal(t, 1, strings.Count(both, `"host"`))
		last := set(beside)
		assert.NotContains(t, last, "hello")
		assert.Contains(t, last, "beside")
		assert.NotContains(t, set(), `"record"`)
	})
}

func TestReportThatDoesNotFitLeavesTheLastOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu := w.start("eu", nil)
		eu.offer(app, "192.0.2.1", gslb.Healthy)
		settle(time.Second)
		var addrs []netip.Addr
		for i := range 100 {
			addrs = append(addrs, netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}))
		}
		before := says(t, eu)
		eu.store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: zone.Parent(), Addrs: addrs}})
		eu.withdraw(app)
		eu.offer("b.cloud.example.com", "192.0.2.2", gslb.Healthy)
		settle(2 * time.Second)
		assert.Equal(t, before, says(t, eu))
		assert.Equal(t, 1, eu.logs.with("level=ERROR", "report cannot be published", "ns: addrs: 100 values; at most 64 are allowed"), eu.logs)

		eu.store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: zone.Parent(), Addrs: addrs[:2]}})
		settle(2 * time.Second)
		after := says(t, eu)
		assert.Contains(t, after, "addrs=203.0.113.0,203.0.113.1")
		assert.NotContains(t, after, app, "what changed meanwhile is not missed")
		assert.Contains(t, after, "name=b.cloud.example.com")
		assert.Equal(t, 1, eu.logs.with("report is published again"))
	})
}

func TestZoneWhoseReportCannotBeNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu := w.start("eu", two)
		us := w.start("us", two)
		label := strings.Repeat("x", 63)
		long := gslb.MustName(label + "." + label + "." + label + ".shopping.example.com")
		for _, c := range []*cluster{eu, us} {
			c.store.SetZones([]gslb.ZoneIntent{{Zone: long, EdgeZone: long.Parent()}, {Zone: zone, EdgeZone: zone.Parent()}})
		}
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(3 * time.Second)
		assert.Equal(t, 1, eu.logs.with("level=ERROR", "zone cannot be reported", "a label of 32 must fit below it"), eu.logs)
		assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app), "other zones go on")
	})
}

func TestAnotherClusterWithOurTag(t *testing.T) {
	inAuthor(t, func(t *testing.T, c *client) {
		for n := range 3 {
			c.ask(reportZone, dns.TypeSOA, hold(fmt.Sprintf("v=1 tag=eu id=stranger instance=a n=%d", n+1)))
			settle(time.Second)
		}
		assert.Contains(t, c.c.store.World().Cluster("eu").Conflict, "id stranger")
		assert.Equal(t, 1, c.c.logs.with("level=WARN", "another cluster uses our geo tag"), c.c.logs)
	})
}

func TestAnnounceEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	eu := w.start("eu", nil)
	eu.stop()
	<-eu.done
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := eu.x.Announce(ctx, gslb.Leaving)
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, `announcing "leave" to the peers`)
}

func TestAnnounceWaitsUntilReadersWereTold(t *testing.T) {
	inAuthor(t, func(t *testing.T, c *client) {
		soa := c.ask(reportZone, dns.TypeSOA)[0].Answer[0].(*dns.SOA)
		msg, _ := c.question(reportZone, dns.TypeIXFR, ixfrFrom(soa), hold("v=1 tag=eu id=id-eu instance=a n=1 hold=20000"))
		told := time.Time{}
		go c.c.x.ServeSlow(t.Context(), msg, netip.AddrPort{}, true, func([]byte) error {
			time.Sleep(300 * time.Millisecond) // a slow line
			told = time.Now()
			return nil
		})
		settle(10 * time.Millisecond)
		require.NoError(t, c.c.x.Announce(t.Context(), gslb.Pausing))
		assert.False(t, told.IsZero(), "the reader was told before Announce came back")
	})
}

func TestOldNumbersOfInstancesAreForgotten(t *testing.T) {
	inAuthor(t, func(t *testing.T, c *client) {
		greet := func(instance string, n int) {
			c.ask(reportZone, dns.TypeSOA, hold(fmt.Sprintf("v=1 tag=us id=x instance=%s n=%d", instance, n)))
		}
		for i := range 200 {
			greet(fmt.Sprintf("i%d", i), 1)
			settle(time.Millisecond)
		}
		last := c.c.x.InstanceKeepAlives()["us"]
		require.Len(t, last, 4, "the newest ones")
		assert.Equal(t, "i199", last[0].Instance)
		assert.Equal(t, "i196", last[3].Instance)
		settle(time.Hour)
		greet("new", 1)
		assert.Len(t, c.c.x.InstanceKeepAlives()["us"], 1)
	})
}
