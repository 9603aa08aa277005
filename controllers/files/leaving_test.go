// SPDX-License-Identifier: Apache-2.0

package files_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/controllers/files"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/hostnames"
	"github.com/meridian-gslb/meridian/strategies"
)

// balancer is a resolver whose one name gets its address later.
type balancer struct {
	mu   sync.Mutex
	addr netip.Addr // zero: it has none
}

func (b *balancer) Ask(_ context.Context, name string) (hostnames.Answer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := hostnames.Answer{TTL: 10 * time.Second}
	if name == "lb.example.net" && b.addr.IsValid() {
		a.Addrs = []netip.Addr{b.addr}
	}
	return a, nil
}

func (b *balancer) has(addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addr = netip.MustParseAddr(addr)
}

// answersOf is what a World answers for app.cloud.example.com.
func answersOf(w *gslb.World) string {
	h := w.Host(gslb.MustName("app.cloud.example.com"))
	if h == nil {
		return "no host"
	}
	d := strategies.Decide(h)
	addrs := slices.Clone(d.Addrs())
	slices.SortFunc(addrs, netip.Addr.Compare)
	return fmt.Sprint(addrs)
}

func named(hostname string) string {
	return strings.Replace(ingressYAML("app", "192.0.2.10"), "ip: 192.0.2.10", "hostname: "+hostname, 1)
}

// TestAnAddressThatChangesIsMadeBeforeItIsBroken: an entry in a file changes as one of an API
// server does.
func TestAnAddressThatChangesIsMadeBeforeItIsBroken(t *testing.T) {
	const ttl, hold = 30 * time.Second, 5 * time.Minute
	for _, c := range []struct {
		name    string
		change  func(h *harness, lb *balancer)
		steps   steps
		empties bool // what is answered at last may be nothing
	}{
		{name: "another address", change: func(h *harness, _ *balancer) {
			h.write("ingress.yaml", ingressYAML("app", "192.0.2.11"))
		}, steps: steps{
			{2 * time.Second, "[192.0.2.10 192.0.2.11]", "both for the TTL"},
			{ttl + 2*time.Second, "[192.0.2.11]", "the TTL is over"},
		}},
		{name: "another address, and the old one does not serve", change: func(h *harness, _ *balancer) {
			h.write("ingress.yaml", ingressYAML("app", "192.0.2.11"))
			h.store.SetVerdict(gslb.Verdict{Host: gslb.MustName("app.cloud.example.com"), Addr: netip.MustParseAddr("192.0.2.10"), Health: gslb.Unhealthy})
		}, steps: steps{
			{2 * time.Second, "[192.0.2.11]", "it was asked"},
		}},
		{name: "an empty status for a minute", change: func(h *harness, _ *balancer) {
			h.write("ingress.yaml", ingressYAML("app"))
		}, steps: steps{
			{2 * time.Second, "[192.0.2.10]", "the last one stays"},
			{time.Minute, "[192.0.2.10]", "for a minute"},
		}},
		{name: "an empty status", change: func(h *harness, _ *balancer) {
			h.write("ingress.yaml", ingressYAML("app"))
		}, steps: steps{
			{hold - 2*time.Second, "[192.0.2.10]", ""},
			{hold + 2*time.Second, "[]", "not for ever"},
		}, empties: true},
		{name: "a name that is resolved later", change: func(h *harness, lb *balancer) {
			h.write("ingress.yaml", named("lb.example.net"))
			time.AfterFunc(time.Minute, func() { lb.has("198.51.100.7") })
		}, steps: steps{
			{2 * time.Second, "[192.0.2.10]", "the name has no address yet"},
			{59 * time.Second, "[192.0.2.10]", "longer than the TTL"},
			{hold - 2*time.Second, "[198.51.100.7]", "resolved"},
		}},
		{name: "a name that never is", change: func(h *harness, _ *balancer) {
			h.write("ingress.yaml", named("lb.invalid"))
		}, steps: steps{
			{2 * time.Second, "[192.0.2.10]", ""},
			{hold - 2*time.Second, "[192.0.2.10]", ""},
			{hold + 2*time.Second, "[]", "not for ever"},
		}, empties: true},
		{name: "the file is removed", change: func(h *harness, _ *balancer) {
			h.remove("ingress.yaml")
		}, steps: steps{
			{3 * time.Second, "[]", "an object that is gone has no addresses"},
		}, empties: true},
		{name: "the Gslb is removed", change: func(h *harness, _ *balancer) {
			h.remove("gslb.yaml")
		}, steps: steps{
			{3 * time.Second, "no host", "what is meant takes effect"},
		}, empties: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			application(t, dir)
			synctest.Test(t, func(t *testing.T) {
				lb := &balancer{}
				h := startAs(t, dir, gslb.Config{}, func(f *files.Config) { f.Asker, f.AsksDraining = lb, true })
				h.untilAddrs("the folder is read", "192.0.2.10")
				began := len(h.published())
				time.Sleep(300 * time.Millisecond) // off the seconds in which the folder is looked at
				start := time.Now()
				c.change(h, lb)
				for _, s := range c.steps {
					time.Sleep(time.Until(start.Add(s.after)))
					synctest.Wait()
					assert.Equal(t, s.want, answersOf(h.store.World()), "%s: %s", s.after, s.why)
				}
				for _, w := range h.published()[began:] {
					if now := answersOf(w); !c.empties {
						assert.Contains(t, now, "[1", "a World in which nothing is answered")
					}
				}
			})
		})
	}
}

// steps are what is answered, one after the other.
type steps []struct {
	after time.Duration // since the change
	want  string
	why   string
}

// TestAStatusThatIsEmptyComesBack: what is in the file counts at once, and what it had held
// before is kept anew when it goes empty again.
func TestAStatusThatIsEmptyComesBack(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	synctest.Test(t, func(t *testing.T) {
		h := startAs(t, dir, gslb.Config{}, func(*files.Config) {})
		h.untilAddrs("the folder is read", "192.0.2.10")
		after := func(d time.Duration) string {
			time.Sleep(d)
			synctest.Wait()
			return answersOf(h.store.World())
		}
		after(300 * time.Millisecond)
		h.write("ingress.yaml", ingressYAML("app"))
		assert.Equal(t, "[192.0.2.10]", after(4*time.Minute))
		h.write("ingress.yaml", ingressYAML("app", "192.0.2.12"))
		assert.Equal(t, "[192.0.2.12]", after(4*time.Minute))
		h.write("ingress.yaml", ingressYAML("app"))
		assert.Equal(t, "[192.0.2.12]", after(4*time.Minute), "counted anew")
		h.remove("ingress.yaml")
		assert.Equal(t, "[]", after(3*time.Second), "it is gone")
		h.write("ingress.yaml", ingressYAML("app"))
		assert.Equal(t, "[]", after(3*time.Second), "of an object that is new nothing is known")
	})
}

// TestARestartWhileAStatusIsEmpty: what the process before kept is kept by this one.
func TestARestartWhileAStatusIsEmpty(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	synctest.Test(t, func(t *testing.T) {
		first := startAs(t, dir, gslb.Config{}, func(*files.Config) {})
		first.untilAddrs("the folder is read", "192.0.2.10")
		saved := first.store.Save()
		first.stop()
		write(t, dir, "ingress.yaml", ingressYAML("app"))
		h := startAs(t, dir, gslb.Config{Saved: saved}, func(*files.Config) {})
		h.until("it is read again", func(w *gslb.World) bool { return w.Local.Synced })
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		for _, w := range h.published() {
			assert.Equal(t, "[192.0.2.10]", answersOf(w))
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		assert.Equal(t, "[]", answersOf(h.store.World()), "not for ever")
	})
}
