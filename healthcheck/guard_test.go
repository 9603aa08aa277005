// SPDX-License-Identifier: Apache-2.0

package healthcheck_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck"
	"github.com/meridian-gslb/meridian/healthcheck/internal/fakenet"
)

// logLines is a place for log lines.
type logLines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logLines) count(s string) int { return strings.Count(l.String(), s) }

// gauge reads one number; labels are given as name, value, name, value.
func gauge(t *testing.T, r *prometheus.Registry, name string, labels []string) float64 {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	next:
		for _, m := range f.GetMetric() {
			have := make(map[string]string)
			for _, l := range m.GetLabel() {
				have[l.GetName()] = l.GetValue()
			}
			for i := 0; i < len(labels); i += 2 {
				if have[labels[i]] != labels[i+1] {
					continue next
				}
			}
			if m.GetGauge() != nil {
				return m.GetGauge().GetValue()
			}
			return m.GetCounter().GetValue()
		}
	}
	return -1
}

func hosts(n int) []gslb.Name {
	out := make([]gslb.Name, n)
	for i := range out {
		out[i] = gslb.MustName(fmt.Sprintf("h%d.cloud.example.com", i))
	}
	return out
}

func TestSilenceFromAllHostsIsNotHeldAgainstThem(t *testing.T) {
	var lines logLines
	virtual(t, func(cfg *healthcheck.Config) { cfg.Log = slog.New(slog.NewTextHandler(&lines, nil)) }, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		for _, h := range hosts(6) {
			l.offer(h, httpCheck(), addr1)
		}
		pass(10 * time.Second)
		l.net.Set(http1, fakenet.Swallow) // the prober's node loses its network
		pass(time.Minute)
		for _, h := range hosts(6) {
			assert.Equal(t, gslb.HealthUnknown, l.health(h, addr1), "unknown is never the same as unhealthy")
			assert.Contains(t, l.words(h, addr1)[1], "probably on this side")
		}
		assert.Equal(t, 6.0, gauge(t, l.registry, "meridian_healthcheck_held_verdicts", nil))
		assert.Equal(t, 1, lines.count("probes of all hosts get no answer"))

		l.net.Set(http1, fakenet.Always(fakenet.ByHost(map[string]int{hosts(6)[0].String(): 200}))) // back; five are really broken
		pass(30 * time.Second)
		assert.Equal(t, gslb.Healthy, l.health(hosts(6)[0], addr1))
		assert.Equal(t, gslb.Unhealthy, l.health(hosts(6)[1], addr1))
		assert.Equal(t, 0.0, gauge(t, l.registry, "meridian_healthcheck_held_verdicts", nil))
		assert.Equal(t, 1, lines.count("probes get answers again"))
	})
}

func TestTheGuardKnowsARealFailure(t *testing.T) {
	cases := []struct {
		name  string
		hosts int
		then  func(l *lab)
		want  gslb.Health
		why   string
	}{
		{"all refused", 6, func(l *lab) { l.net.Set(http1, fakenet.Refuse) }, gslb.Unhealthy, "a refusal is a reply: the network works"},
		{"all answer 503", 6, func(l *lab) { l.net.Set(http1, fakenet.Always(fakenet.Status(503))) }, gslb.Unhealthy, "so is a wrong status"},
		{"few hosts silent", 3, func(l *lab) { l.net.Set(http1, fakenet.Swallow) }, gslb.Unhealthy, "too few to tell, so the probe is believed"},
		{"one address silent, another answers", 6, func(l *lab) {
			l.offer(app, httpCheck(), addr2)
			l.net.Set("[2001:db8::1]:80", fakenet.Always(fakenet.Status(200)))
			l.net.Set(http1, fakenet.Swallow)
		}, gslb.Unhealthy, "something answers: it is the address"},
		{"all silent", 6, func(l *lab) { l.net.Set(http1, fakenet.Swallow) }, gslb.HealthUnknown, "nothing answers at all"},
		{"no way at all", 6, func(l *lab) { l.net.Set(http1, fakenet.Fails(syscall.ENETUNREACH)) }, gslb.HealthUnknown, "nothing answers at all"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, nil, func(t *testing.T, l *lab) {
				l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
				for _, h := range hosts(c.hosts) {
					l.offer(h, httpCheck(), addr1)
				}
				pass(10 * time.Second)
				c.then(l)
				pass(time.Minute)
				for _, h := range hosts(c.hosts) {
					assert.Equal(t, c.want, l.health(h, addr1), c.why)
				}
			})
		})
	}
}

func TestAProberThatCannotSendDoesNotJudge(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		l.offer(app, httpCheck(), addr1)
		pass(10 * time.Second)
		l.net.Set(http1, fakenet.Fails(syscall.EMFILE))
		pass(9 * time.Second)
		assert.Equal(t, gslb.Healthy, l.health(app, addr1), "for a while the last verdict stands")
		pass(10 * time.Second)
		assert.Equal(t, []string{"healthy: 2 of 2 succeeded", "unknown: cannot probe: connect: too many open files"}, l.words(app, addr1))
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		pass(11 * time.Second)
		assert.Equal(t, gslb.Healthy, l.health(app, addr1))
	})
}

func TestADeadAddressDoesNotHoldUpTheOthers(t *testing.T) {
	virtual(t, func(cfg *healthcheck.Config) { cfg.Limit = 10 }, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Swallow)
		for _, h := range hosts(100) {
			l.offer(h, httpCheck(), addr1)
		}
		pass(time.Minute)
		l.net.Set("[2001:db8::1]:80", fakenet.Always(fakenet.Status(200)))
		l.offer(app, httpCheck(), addr2)
		pass(3 * time.Second)
		assert.Equal(t, gslb.Healthy, l.health(app, addr2), "two probes within three seconds, as if it were alone")
		assert.LessOrEqual(t, l.net.Most(), 10)
		assert.Positive(t, gauge(t, l.registry, "meridian_healthcheck_late_probes_total", nil), "the rest is late, and counted")
	})
}

func TestMetrics(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		l.offer(app, httpCheck(), addr1, addr2)
		pass(time.Minute)
		read := func(name string, labels ...string) float64 { return gauge(t, l.registry, name, labels) }
		assert.Equal(t, 1.0, read("meridian_healthcheck_verdicts", "state", "healthy"))
		assert.Equal(t, 1.0, read("meridian_healthcheck_verdicts", "state", "unhealthy"))
		assert.Equal(t, 0.0, read("meridian_healthcheck_verdicts", "state", "unknown"))
		assert.Equal(t, float64(len(l.net.Dials(http1))), read("meridian_healthcheck_probes_total", "kind", "HTTP", "result", "success"))
		assert.Positive(t, read("meridian_healthcheck_probes_total", "kind", "HTTP", "result", "refused"))
		assert.Equal(t, 0.0, read("meridian_healthcheck_running_probes"))
		l.gone(app)
		pass(time.Second)
		for _, state := range []string{"healthy", "unhealthy", "unknown"} {
			assert.Equal(t, 0.0, read("meridian_healthcheck_verdicts", "state", state))
		}
		problems, err := testutil.GatherAndLint(l.registry)
		require.NoError(t, err)
		assert.Empty(t, problems)
	})
}

// TestAnEntryThatDrainsIsAskedAsAClientWould: its host has no check, and only the entry
// that its object does not have any more is asked.
func TestAnEntryThatDrainsIsAskedAsAClientWould(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		offer := func(scheme string) {
			l.SetObject(gslb.Source{Kind: "Gslb", Name: "app"}, []*gslb.Offer{{
				Host: app, Source: gslb.Source{Kind: "Gslb", Name: "app"}, Policy: gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30},
				Entries: []gslb.Entry{
					{Addr: addr2, Health: gslb.Healthy, Reason: gslb.ReasonReady, Ask: gslb.Ask{Scheme: scheme}},
					{Addr: addr1, Health: gslb.Healthy, Reason: gslb.ReasonReady, Ask: gslb.Ask{Scheme: scheme}, Draining: true},
				},
			}})
		}
		reason := func() gslb.Reason { return l.World().Host(app).Part(l.World().Self).Offer.Entries[1].Reason }
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		offer("http")
		pass(10 * time.Second)
		assert.Equal(t, gslb.Healthy, l.health(app, addr1))
		assert.Equal(t, gslb.ReasonDraining, reason())
		assert.Empty(t, l.words(app, addr2), "what its object has is not asked without a check")
		l.net.Set(http1, fakenet.Refuse)
		pass(3 * time.Second)
		assert.Equal(t, gslb.ReasonWithdrawn, reason(), "once is enough")
		asked := l.net.Count()
		offer("tcp")
		pass(time.Minute)
		assert.LessOrEqual(t, l.net.Count()-asked, 1, "nobody knows how a client asks")
	})
}
