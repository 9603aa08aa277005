// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/peers"
	"github.com/meridian-gslb/meridian/peers/peerstest"
)

// crowdEnv makes the test binary the other clusters of BenchmarkCrowd: "PEERS HOSTS FIRST
// STEP ADDR", where the i-th cluster offers HOSTS hosts from FIRST+i*STEP on and calls
// eu at ADDR.
const crowdEnv = "MERIDIAN_CROWD"

// BenchmarkCrowd measures what one cluster pays for many others: bytes and CPU when
// nothing changes, for changes, and when all return at once. The others are real
// exchanges in a process of their own, over TCP on loopback; all of them read eu as eu
// reads them. One iteration is one run; MERIDIAN_CROWD_QUIET is how long it is quiet (10s).
func BenchmarkCrowd(b *testing.B) {
	for _, c := range []struct{ peers, hosts, step int }{{200, 50, 50}, {3, 10_000, 0}} {
		b.Run(fmt.Sprintf("peers=%d/hosts=%d", c.peers, c.hosts), func(b *testing.B) {
			for b.Loop() {
				crowd(b, c.peers, c.hosts, c.step)
			}
		})
	}
}

func crowd(b *testing.B, n, hosts, step int) {
	quiet := 10 * time.Second
	if s := os.Getenv("MERIDIAN_CROWD_QUIET"); s != "" {
		var err error
		quiet, err = time.ParseDuration(s)
		require.NoError(b, err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	in := &meter{}
	door := &door{}
	addr := in.listen(ctx, b, &wg, door)
	others := startCrowd(ctx, b, fmt.Sprintf("%d %d %d %d %s", n, hosts, hosts, step, addr))
	out := &meter{}
	eu := startOne(ctx, b, &wg, "eu", others.addrs, out.dial)
	put(eu.store, 0, 1)
	for i := range hosts {
		put(eu.store, i, 1)
	}
	eu.store.SetLocal(gslb.LocalState{Synced: true, Mark: 1})
	before, began := cpu(), time.Now()
	wg.Go(func() { _ = eu.store.Run(ctx) })
	wg.Go(func() { _ = eu.x.Run(ctx) })
	door.x.Store(eu.x)
	total := hosts + hosts // ours, and theirs
	if step > 0 {
		total = hosts + n*step
	}
	eu.until(func(w *gslb.World) bool { return w.Len() >= total && allFresh(w, n) })
	b.ReportMetric(time.Since(began).Seconds(), "s-to-read-all")
	b.ReportMetric((cpu() - before).Seconds(), "cpu-s-to-read-all")
	pass(12 * time.Second) // what is told every ten seconds was told

	inBase, outBase := in.bytes.Load(), out.bytes.Load()
	before, began = cpu(), time.Now()
	pass(quiet)
	took := time.Since(began).Seconds()
	rate := map[*meter]float64{in: float64(in.bytes.Load()-inBase) / took, out: float64(out.bytes.Load()-outBase) / took}
	busy := (cpu() - before).Seconds() / took
	b.ReportMetric((rate[in]+rate[out])/float64(n), "B/s-quiet-and-peer")
	b.ReportMetric(100*busy, "%cpu-quiet")

	change := func(name string, m *meter, per int, f func(k int)) {
		const changes = 100
		base, before, began := m.bytes.Load(), cpu(), time.Now()
		for k := range changes {
			f(k)
			pass(60 * time.Millisecond)
		}
		took := time.Since(began).Seconds()
		b.ReportMetric((float64(m.bytes.Load()-base)-rate[m]*took)/changes/float64(per), "B/"+name)
		b.ReportMetric(((cpu()-before).Seconds()-busy*took)/changes*1e3, "cpu-ms/"+name)
	}
	change("own-change-and-reader", in, 2*n, func(k int) { put(eu.store, k%hosts, byte(100+k)) })
	change("peer-change", out, 2, func(k int) { others.say("change " + strconv.Itoa(k)) })

	before, began = cpu(), time.Now()
	old := eu.instances()
	others.say("restart")
	eu.until(func(w *gslb.World) bool { return eu.renewed(w, old) == n && allFresh(w, n) })
	b.ReportMetric(time.Since(began).Seconds(), "s-all-return")
	b.ReportMetric((cpu() - before).Seconds(), "cpu-s-all-return")
	var mem runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&mem)
	b.ReportMetric(float64(mem.HeapAlloc)/(1<<20), "MiB-heap")
	b.ReportMetric(rss(b)/(1<<20), "MiB-rss")
	b.ReportMetric(0, "ns/op")
}

func allFresh(w *gslb.World, n int) bool {
	fresh := 0
	for i := range w.Clusters {
		if w.Clusters[i].Liveness == gslb.Fresh {
			fresh++
		}
	}
	return fresh == n
}

// one is a cluster of the benchmark.
type one struct {
	store  *gslb.Store
	x      *peers.Exchange
	worlds *gslb.Mailbox
}

func startOne(_ context.Context, tb testing.TB, _ *sync.WaitGroup, tag gslb.GeoTag, static map[gslb.GeoTag][]string, dial func(context.Context, string) (net.Conn, error)) *one {
	store, err := gslb.NewStore(gslb.Config{Self: tag, ClusterID: "id-" + string(tag)})
	require.NoError(tb, err)
	var hub peers.Store = store
	if tag != "eu" {
		hub = narrow{store, tag}
	}
	x, err := peers.New(peers.Config{
		Self: tag, ClusterID: "id-" + string(tag), Keys: []peers.Key{sharedKey()}, Store: hub, Worlds: store.Mailbox().C(), Static: static, Dial: dial, Log: quietLog(),
	})
	require.NoError(tb, err)
	store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: zone.Parent()}})
	return &one{store, x, store.Mailbox()}
}

// narrow is the store of one of the others: it learns of nobody but eu, since what they
// would ask about each other is not what is measured.
type narrow struct {
	*gslb.Store
	self gslb.GeoTag
}

func (n narrow) SetReport(r *gslb.Report) error {
	n.narrow(r)
	return n.Store.SetReport(r)
}

func (n narrow) SetChange(r *gslb.Report, since uint32, changed map[gslb.Name]*gslb.Offer) error {
	n.narrow(r)
	return n.Store.SetChange(r, since, changed)
}

func (n narrow) narrow(r *gslb.Report) {
	r.Hears = slices.DeleteFunc(r.Hears, func(t gslb.GeoTag) bool { return t != n.self })
}

func (o *one) until(f func(*gslb.World) bool) {
	if w := o.store.World(); w != nil && f(w) {
		return
	}
	for w := range o.worlds.C() {
		if f(w) {
			return
		}
	}
}

func (o *one) instances() map[gslb.GeoTag]string {
	out := make(map[gslb.GeoTag]string)
	w := o.store.World()
	for i := range w.Clusters {
		out[w.Clusters[i].Tag] = w.Clusters[i].Instance
	}
	return out
}

func (o *one) renewed(w *gslb.World, old map[gslb.GeoTag]string) (n int) {
	for i := range w.Clusters {
		if c := &w.Clusters[i]; c.Liveness != gslb.Self && c.Instance != old[c.Tag] {
			n++
		}
	}
	return n
}

// door leads to an exchange that may not be there yet, or is replaced.
type door struct {
	x atomic.Pointer[peers.Exchange]
}

func (d *door) ServeSlow(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func([]byte) error) bool {
	x := d.x.Load()
	return x != nil && x.ServeSlow(ctx, msg, from, tcp, reply)
}

// meter counts the octets of connections, both ways, without the headers below TCP.
type meter struct{ bytes atomic.Int64 }

type metered struct {
	net.Conn
	m *meter
}

func (c metered) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.m.bytes.Add(int64(n))
	return n, err
}

func (c metered) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.m.bytes.Add(int64(n))
	return n, err
}

func (m *meter) dial(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return metered{c, m}, nil
}

func (m *meter) listen(ctx context.Context, tb testing.TB, wg *sync.WaitGroup, h peerstest.Handler) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	context.AfterFunc(ctx, func() { l.Close() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { peerstest.ServeConn(ctx, metered{c, m}, h) })
		}
	})
	return l.Addr().String()
}

// crowdProcess is the process of the others.
type crowdProcess struct {
	tb    testing.TB
	addrs map[gslb.GeoTag][]string
	in    io.Writer
	out   *bufio.Scanner
}

func startCrowd(ctx context.Context, tb testing.TB, env string) *crowdProcess {
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestTheOthersOfTheCrowd$")
	cmd.Env = append(os.Environ(), crowdEnv+"="+env)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(tb, err)
	out, err := cmd.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, cmd.Start())
	tb.Cleanup(func() { in.Close(); _ = cmd.Wait() }) // it was told to end
	p := &crowdProcess{tb: tb, addrs: make(map[gslb.GeoTag][]string), in: in, out: bufio.NewScanner(out)}
	for p.out.Scan() && p.out.Text() != "ready" {
		if tag, addr, ok := strings.Cut(p.out.Text(), " "); ok {
			p.addrs[gslb.GeoTag(tag)] = []string{addr}
		}
	}
	return p
}

func (p *crowdProcess) say(command string) {
	_, err := fmt.Fprintln(p.in, command)
	require.NoError(p.tb, err)
}

// TestTheOthersOfTheCrowd is the other side of BenchmarkCrowd.
func TestTheOthersOfTheCrowd(t *testing.T) {
	env := os.Getenv(crowdEnv)
	if env == "" {
		t.Skip("it is started by BenchmarkCrowd, as the clusters that are read")
	}
	var n, hosts, first, step int
	var addr string
	_, err := fmt.Sscan(env, &n, &hosts, &first, &step, &addr)
	require.NoError(t, err)
	doors := make([]*door, n)
	clusters := make([]*one, n)
	var stop context.CancelFunc
	var wg sync.WaitGroup
	start := func() {
		ctx, cancel := context.WithCancel(t.Context())
		stop = cancel
		for i := range n {
			tag := gslb.GeoTag(fmt.Sprintf("p%d", i))
			c := startOne(ctx, t, &wg, tag, map[gslb.GeoTag][]string{"eu": {addr}}, nil)
			for k := range hosts {
				put(c.store, first+i*step+k, 1)
			}
			c.store.SetLocal(gslb.LocalState{Synced: true, Mark: 1})
			wg.Go(func() { _ = c.store.Run(ctx) })
			wg.Go(func() { _ = c.x.Run(ctx) })
			clusters[i] = c
			doors[i].x.Store(c.x)
		}
	}
	for i := range n {
		doors[i] = &door{}
		fmt.Fprintf(os.Stdout, "p%d %s\n", i, peerstest.Listen(t, doors[i]).Addr)
	}
	start()
	fmt.Fprintln(os.Stdout, "ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if in.Text() == "restart" {
			stop()
			start()
			continue
		}
		var k int
		if _, err := fmt.Sscanf(in.Text(), "change %d", &k); err == nil {
			put(clusters[k%n].store, first+(k%n)*step+k%hosts, byte(100+k))
		}
	}
	stop()
	wg.Wait()
}

// pass lets time go by, since what is measured is a rate.
func pass(d time.Duration) { <-time.NewTimer(d).C }

// cpu is the processor time of this process.
func cpu() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func rss(tb testing.TB) float64 {
	b, err := os.ReadFile("/proc/self/statm")
	require.NoError(tb, err)
	f := strings.Fields(string(b))
	pages, err := strconv.ParseFloat(f[1], 64)
	require.NoError(tb, err)
	return pages * float64(os.Getpagesize())
}
