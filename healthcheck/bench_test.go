// SPDX-License-Identifier: Apache-2.0

package healthcheck

// These benchmarks look inside: the schedule has no clock, so a second of a
// cluster with 10,000 checks can be replayed as fast as it goes.

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck/internal/ask"
)

const many = 10_000

type quiet struct{}

func (quiet) skip(gslb.Name, string, string) {}
func (quiet) verdict(*check, gslb.Health)    {}
func (quiet) joined(*check)                  {}
func (quiet) dropped(*check)                 {}

func full() *schedule {
	s := newSchedule(DefaultLimit, rand.New(rand.NewPCG(1, 2)).Float64)
	spec := normal(gslb.Check{Kind: gslb.CheckHTTP, Port: 80, Rise: 2, Fall: 3})
	for i := range many {
		host := gslb.MustName(fmt.Sprintf("h%d.cloud.example.com", i))
		s.want(host, []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 4)})}, spec, time.Unix(0, 0), quiet{})
	}
	return s
}

// BenchmarkSchedule is the price of one probe beside the probe itself, with
// 10,000 checks in the schedule.
func BenchmarkSchedule(b *testing.B) {
	s := full()
	now := time.Unix(0, 0)
	b.ReportAllocs()
	for b.Loop() {
		c := s.begin(now)
		for c == nil {
			now, _ = s.queue.Next()
			c = s.begin(now)
		}
		s.done(c, ask.Answer{Result: ask.OK, Status: 200}, now.Add(5*time.Millisecond), quiet{})
	}
}

// BenchmarkStart is the price of taking over 10,000 checks at once.
func BenchmarkStart(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	kept := full()
	runtime.GC()
	runtime.ReadMemStats(&after)
	for b.Loop() {
		full()
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/many, "B/check")
	runtime.KeepAlive(kept)
}

// BenchmarkProbe is the price of one HTTP probe on loopback, both ends counted.
func BenchmarkProbe(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	at := netip.MustParseAddrPort(server.Listener.Addr().String())
	asker := &ask.Asker{Dial: ask.DefaultDial()}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
			a := asker.Ask(ctx, ask.Question{Kind: ask.Plain, Addr: at, Host: "app.example.com", Path: "/"})
			cancel()
			if a.Result != ask.OK {
				b.Fatal(a.Detail)
			}
		}
	})
}

// TestSchedulingAProbeCostsFewAllocations holds what 2,000 probes a second may
// leave to the garbage collector, beside the probes themselves: nothing.
func TestSchedulingAProbeCostsFewAllocations(t *testing.T) {
	s := full()
	now := time.Unix(0, 0)
	one := func() {
		c := s.begin(now)
		for c == nil {
			now, _ = s.queue.Next()
			c = s.begin(now)
		}
		s.done(c, ask.Answer{Result: ask.OK, Status: 200}, now.Add(5*time.Millisecond), quiet{})
	}
	for range 3 * many {
		one()
	}
	require.LessOrEqual(t, testing.AllocsPerRun(1000, one), 3.0)
}
