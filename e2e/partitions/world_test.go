// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/lab"
)

// Hosts of every world: one with all addresses, one with those of eu while it serves.
const (
	rr   = "rr." + lab.Zone
	fail = "fail." + lab.Zone
)

var hosts = []string{rr, fail}

// patience bounds what has to come at some time.
const patience = 90 * time.Second

// plan says what a world is made of.
type plan struct {
	clusters []string // in the order in which failover takes them: eu, us, ap
	replicas int      // of Meridian in each cluster; 0: 1
	// Clusters that have more of them.
	more      map[string]int
	asksReady bool     // load balancers ask instances whether they are ready
	noEdge    bool     // no edge zone: clusters are told of each other
	noChecks  bool     // entries of silent clusters are not asked
	extra     []string // more flags of serve
	// The way to a cluster: nil is straight, else what stands in it. It listens at the
	// cluster's address, and leads to these addresses of instances.
	way func(c *cluster, to []string)
	// Replaces what every cluster is told: objects, their source.
	prepare func(w *world)
}

// world is one edge, clusters and clients, each in a space of its own.
type world struct {
	t        testing.TB
	plan     plan
	lab      *lab.Lab
	wan      *space // the bridge between all
	client   *space
	links    links
	edge     *edge
	clusters []*cluster
	edgeKey  string
	peerKey  string
	seen     *checker
	started  []*lab.Process
	needed   []*lab.Process // they may not end while something is waited for
}

// newWorld makes a world, waits until all is well in it, and has it watched.
func newWorld(t *testing.T, p plan) *world {
	t.Helper()
	t.Parallel()
	w := newWorldUnwatched(t, p)
	w.watch()
	return w
}

// newWorldUnwatched makes a world and waits until all is well in it.
func newWorldUnwatched(t testing.TB, p plan) *world {
	t.Helper()
	if why := missing(); why != "" {
		t.Skip("no partitions here: " + why)
	}
	require.NoError(t, meridian.err)
	w := &world{t: t, plan: p, links: links{doors: map[*space][]string{}}}
	w.wan = newSpace(t, "wan")
	w.lab = &lab.Lab{Dir: t.TempDir(), Bin: find("nsenter")}
	t.Cleanup(w.end)
	w.wan.ip("link set lo up", "link add bridge0 type bridge", "link set bridge0 up")
	w.client = w.attach("client", 200)
	w.edgeKey, w.peerKey = w.key("edge"), w.key("peers")
	for i, tag := range p.clusters {
		w.cluster(tag, i+1)
	}
	if !p.noEdge {
		w.edge = w.newEdge()
	}
	if p.prepare != nil {
		p.prepare(w)
	}
	for _, c := range w.clusters {
		c.start()
	}
	w.settle()
	return w
}

func (w *world) key(name string) string {
	w.t.Helper()
	key, err := w.lab.Key(name)
	require.NoError(w.t, err)
	return key
}

// start runs a program in a space; its log has its name.
func (w *world) start(s *space, name, program string, args ...string) *lab.Process {
	w.t.Helper()
	p, err := w.lab.Start(name, append([]string{"--net=" + s.ns.Path(), "--", program}, args...)...)
	require.NoError(w.t, err)
	w.started = append(w.started, p)
	return p
}

// end ends every process and shows the logs of a failure.
func (w *world) end() {
	if w.seen != nil {
		w.seen.stop()
	}
	for _, p := range w.started {
		if err := p.Kill(); err != nil {
			w.t.Error(err)
		}
	}
	w.started = nil
	logs, err := filepath.Glob(filepath.Join(w.lab.Dir, "*.log"))
	require.NoError(w.t, err)
	for _, f := range logs {
		b, err := os.ReadFile(f)
		require.NoError(w.t, err)
		for line := range strings.Lines(string(b)) {
			if strings.Contains(line, "recovered from a panic") || strings.HasPrefix(line, "panic: ") {
				w.t.Errorf("%s: %s", filepath.Base(f), line)
			}
		}
		if w.t.Failed() {
			w.t.Logf("--- %s\n%s", filepath.Base(f), b[max(0, len(b)-12000):])
		}
	}
}

// of gives the cluster of a tag.
func (w *world) of(tag string) *cluster {
	i := slices.IndexFunc(w.clusters, func(c *cluster) bool { return c.tag == tag })
	return w.clusters[i]
}

// entries are the addresses of clusters as answers show them; none named are all that
// serve.
func (w *world) entries(tags ...string) string {
	var out []string
	for _, c := range w.clusters {
		if len(tags) == 0 && c.serves || slices.Contains(tags, c.tag) {
			out = append(out, c.space.addr(80).String(), c.space.addr(81).String())
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// want is what a host has to answer when everybody knows everything.
func (w *world) want(host string) string {
	if host != fail {
		return w.entries()
	}
	if w.of("eu").serves {
		return w.entries("eu")
	}
	return w.entries()
}

// until waits for something that has to come.
func (w *world) until(what string, f func() bool) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for !f() {
		select {
		case <-tick.C:
			for _, p := range w.needed {
				select {
				case <-p.Done():
					require.Fail(w.t, p.Name+" has ended", p.LogTail(3))
				default:
				}
			}
		case <-limit.C:
			require.Fail(w.t, "waited in vain until "+what)
		}
	}
}

// pass lets time go by, watched.
func (w *world) pass(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.t.Context().Done():
	}
}

// settle waits until every cluster hears every other, and none misses another.
func (w *world) settle() {
	w.t.Helper()
	w.needed = nil
	for _, c := range w.clusters {
		for _, i := range c.instances {
			w.needed = append(w.needed, i.process)
			for _, host := range hosts {
				w.until(i.name+" answers "+host+" with "+w.want(host), func() bool { return w.client.addrs(i.at(), host) == w.want(host) })
			}
			for _, o := range w.clusters {
				if o != c {
					w.until(i.name+" hears "+o.tag, func() bool { return i.liveness(o.tag) == "fresh" })
				}
			}
		}
	}
	defer func() { w.needed = nil }()
	if w.edge != nil {
		w.until("the edge has all, and no alarm", func() bool { return w.edge.calm() })
	}
}
