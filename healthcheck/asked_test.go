// SPDX-License-Identifier: Apache-2.0

package healthcheck_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck"
	"github.com/meridian-gslb/meridian/healthcheck/internal/fakenet"
)

func TestTheHostIsTheBalancedNameOrTheOneGiven(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		other, wild := gslb.MustName("other.cloud.example.com"), gslb.MustName("*.apps.cloud.example.com")
		l.net.Set(http1, fakenet.Always(fakenet.ByHost(map[string]int{app.String(): 200, "probe.apps.cloud.example.com": 200})))
		l.offer(app, httpCheck(), addr1)
		l.offer(other, httpCheck(), addr1)
		named := httpCheck()
		named.Host = "probe.apps.cloud.example.com"
		l.offer(wild, named, addr1)
		pass(10 * time.Second)
		assert.Equal(t, gslb.Healthy, l.health(app, addr1))
		assert.Equal(t, gslb.Unhealthy, l.health(other, addr1), "the router has no such host: 404")
		assert.Equal(t, gslb.Healthy, l.health(wild, addr1))
	})
}

func TestWhatCannotBeProbedIsSkippedWithAReason(t *testing.T) {
	wild := gslb.MustName("*.cloud.example.com")
	cases := []struct {
		name  string
		host  gslb.Name
		check func(*gslb.Check)
		addr  string
		says  string
	}{
		{"wildcard without a name", wild, func(*gslb.Check) {}, "192.0.2.1", "set healthCheck.host"},
		{"no port", app, func(c *gslb.Check) { c.Port = 0 }, "192.0.2.1", "no port"},
		{"unknown kind", app, func(c *gslb.Check) { c.Kind = "GRPC" }, "192.0.2.1", "use HTTP, HTTPS or TCP"},
		{"path is none", app, func(c *gslb.Check) { c.Path = "healthz" }, "192.0.2.1", "does not begin with /"},
		{"unspecified address", app, func(*gslb.Check) {}, "0.0.0.0", "unspecified"},
		{"multicast address", app, func(*gslb.Check) {}, "224.0.0.1", "multicast"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var lines logLines
			virtual(t, func(cfg *healthcheck.Config) { cfg.Log = slog.New(slog.NewTextHandler(&lines, nil)) }, func(t *testing.T, l *lab) {
				check := httpCheck()
				c.check(check)
				l.offer(c.host, check, netip.MustParseAddr(c.addr))
				pass(time.Minute)
				assert.Zero(t, l.net.Count())
				assert.Empty(t, l.told())
				assert.Equal(t, 1, lines.count(c.says), "said once: %s", lines.String())
				assert.Equal(t, 1.0, gauge(t, l.registry, "meridian_healthcheck_skipped_hosts", nil))
				l.offer(c.host, tcpCheck(1, 1), addr1)
				pass(2 * time.Second)
				assert.Equal(t, 1, lines.count("probed as written again"))
				assert.Equal(t, 0.0, gauge(t, l.registry, "meridian_healthcheck_skipped_hosts", nil))
			})
		})
	}
}

func TestAWildcardIsProbedByTCPWithoutAName(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		wild := gslb.MustName("*.cloud.example.com")
		l.net.Set(http1, fakenet.Always(fakenet.Accept))
		l.offer(wild, tcpCheck(1, 1), addr1)
		pass(2 * time.Second)
		assert.Equal(t, gslb.Healthy, l.health(wild, addr1))
	})
}

func TestSuccessIsByStatusRange(t *testing.T) {
	cases := []struct {
		status   int
		statuses [2]int
		want     gslb.Health
		why      string
	}{
		{200, [2]int{200, 399}, gslb.Healthy, "first of the range"},
		{399, [2]int{200, 399}, gslb.Healthy, "last of the range"},
		{400, [2]int{200, 399}, gslb.Unhealthy, "beyond it"},
		{204, [2]int{200, 200}, gslb.Unhealthy, "a single status is meant"},
		{401, [2]int{401, 401}, gslb.Healthy, "a protected page can be what is expected"},
		{301, [2]int{}, gslb.Healthy, "200-399 where a source gives none; redirects are not followed"},
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c.status, " in ", c.statuses), func(t *testing.T) {
			virtual(t, nil, func(t *testing.T, l *lab) {
				l.net.Set(http1, fakenet.Always(fakenet.Status(c.status)))
				check := httpCheck()
				check.Statuses = c.statuses
				l.offer(app, check, addr1)
				pass(20 * time.Second)
				assert.Equal(t, c.want, l.health(app, addr1), c.why)
			})
		})
	}
}
