// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/lab"
)

// clockEnv names the variable that clock_testclock.go of cmd/meridian reads.
const clockEnv = "MERIDIAN_TEST_CLOCK"

// ownClock gives every instance of a cluster a clock of signatures that is set by a file,
// as this machine's for now: processes of one machine share its wall clock, which no
// namespace has of its own.
func (c *cluster) ownClock() {
	c.clock = filepath.Join(c.w.lab.Dir, "clock-"+c.tag)
	c.setClock(0)
}

// setClock says how far the cluster's clock is ahead from now on, in one step.
func (c *cluster) setClock(ahead time.Duration) {
	c.w.t.Helper()
	require.NoError(c.w.t, os.WriteFile(c.clock+".new", []byte(ahead.String()), 0o600))
	require.NoError(c.w.t, os.Rename(c.clock+".new", c.clock))
}

// skew is how far the instance finds the clock of a cluster ahead of its own.
func (i *instance) skew(tag string) time.Duration {
	m := regexp.MustCompile(`meridian_peers_clock_skew_seconds\{geo_tag="` + tag + `"\} (\S+)`).FindStringSubmatch(i.metrics())
	if m == nil {
		return 0
	}
	seconds, err := strconv.ParseFloat(m[1], 64)
	require.NoError(i.c.w.t, err)
	return time.Duration(seconds * float64(time.Second))
}

// TestClocksApart: the clock of one of two and of three clusters is six minutes off, ahead
// or behind, while it runs. Nobody accepts its signatures, nor the edge; that it refuses
// with its time shows that it lives.
func TestClocksApart(t *testing.T) {
	if why := missing(); why != "" {
		t.Skip("no partitions here: " + why)
	}
	require.NoError(t, buildTestClock())
	for _, c := range []struct {
		name  string
		all   []string
		off   string
		ahead time.Duration
	}{
		{"two, one is ahead", []string{"eu", "us"}, "us", 6 * time.Minute},
		{"three, one is behind", []string{"eu", "us", "ap"}, "eu", -6 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, plan{clusters: c.all, noChecks: true, prepare: func(w *world) {
				w.of(c.off).ownClock()
				for _, cl := range w.clusters {
					cl.file("own.yaml", strings.ReplaceAll(cl.objects("own", own, "roundRobin", ""), "name: app", "name: own"))
					cl.turnOwn(false)
				}
			}})
			w.clocksApart(w.of(c.off), c.ahead)
			w.seen.judge(0, 0)
		})
	}
}

// TestAClockThatCannotBeReadIsRefused: the build of the test says so, and does not serve.
func TestAClockThatCannotBeReadIsRefused(t *testing.T) {
	if why := missing(); why != "" {
		t.Skip("no partitions here: " + why)
	}
	t.Parallel()
	require.NoError(t, buildTestClock())
	dir := t.TempDir()
	clock := filepath.Join(dir, "clock")
	require.NoError(t, os.WriteFile(clock, []byte("six minutes"), 0o600))
	cmd := exec.CommandContext(t.Context(), testClock.path, "serve", "--geo-tag", "eu", "--zone", lab.Zone, "--edge-zone", lab.EdgeZone,
		"--edge-provider", "none", "--manifests", dir, "--dns-listen", "127.0.0.1:0", "--dns-address", "192.0.2.1")
	cmd.Env = append(os.Environ(), clockEnv+"="+clock)
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), clockEnv)
	assert.Contains(t, string(out), "says how far the clock is ahead, as in 6m")
}

func (w *world) clocksApart(off *cluster, ahead time.Duration) {
	w.t.Helper()
	off.setClock(ahead)
	w.pass(cutFor)
	for _, c := range w.clusters {
		for _, o := range w.clusters {
			switch {
			case c == o:
			case c != off && o != off:
				assert.Equal(w.t, "fresh", c.one().liveness(o.tag), "%s of %s: their clocks are right", c.tag, o.tag)
			default:
				w.vouchedWithSkew(c, o, map[bool]time.Duration{true: ahead, false: -ahead}[o == off])
			}
		}
	}
	w.until("the edge shows that it refuses", func() bool { return off.one().logged("BADTIME") })
	w.until("those who are right raise their alarm", func() bool {
		return strings.Contains(strings.Join(w.edge.records(), "\n"), "missed=")
	})

	since := time.Now()
	off.turnOwn(true)
	w.until("its own change is answered there", func() bool {
		m, err := w.client.ask(off.one().at(), own, dns.TypeA)
		return show(m, err) == w.entries(off.tag)
	})
	w.told("own change at "+off.tag+" → answered there", time.Since(since))

	off.setClock(0)
	since = time.Now()
	w.until("all have the change", func() bool {
		for _, c := range w.clusters {
			if w.client.addrs(c.one().at(), own) != w.entries(off.tag) {
				return false
			}
		}
		return true
	})
	w.told("clocks right again → all equal", time.Since(since))
	w.healed()
}

// vouchedWithSkew holds that an instance believes a cluster whose clock is far from its
// own, and says how far.
func (w *world) vouchedWithSkew(c, o *cluster, ahead time.Duration) {
	w.t.Helper()
	i := c.one()
	assert.Equal(w.t, "vouched", i.liveness(o.tag), "%s of %s", c.tag, o.tag)
	assert.Equal(w.t, "signedBadTime", i.witness(o.tag), "%s of %s", c.tag, o.tag)
	assert.InDelta(w.t, ahead.Seconds(), i.skew(o.tag).Seconds(), 5, "%s of %s", c.tag, o.tag)
	assert.True(w.t, i.logged("do not accept each other's signatures"), "and %s says so", c.tag)
	assert.Contains(w.t, i.explain(rr), `{"cluster":"`+o.tag+`","liveness":"vouched",`)
}
