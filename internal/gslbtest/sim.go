// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// sim is the world of one story.
type sim struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	begin  time.Time
	zone   gslb.Name
	mutant Mutant
	logs   io.Writer // what processes say; nil: nobody listens
	trace  io.Writer // what happens, for comparison; nil: nobody compares
	log    func(format string, args ...any)

	// said before the first cluster
	seed       uint64
	edge       string // one of the edge kinds
	anchor     bool
	entryCheck bool
	alone      bool // instances of a cluster do not know each other
	perCluster map[gslb.GeoTag]int

	mu       sync.Mutex // guards what follows, and what clusters and processes say it guards
	net      network
	conns    int // that were opened
	clusters map[gslb.GeoTag]*cluster
	byAddr   map[string]*cluster
	slotAt   map[string]*slot
	zoneAt   *edgeZone
	oracle   *oracle
}

func newSim(parent context.Context) *sim {
	s := &sim{
		begin: time.Now(), zone: gslb.MustName("cloud.example.com"),
		log:  func(string, ...any) {},
		edge: edgeUpdates, entryCheck: true, perCluster: map[gslb.GeoTag]int{},
		net:      network{roads: map[road]*quality{}, delay: time.Millisecond},
		clusters: map[gslb.GeoTag]*cluster{}, byAddr: map[string]*cluster{}, slotAt: map[string]*slot{},
	}
	s.ctx, s.cancel = context.WithCancel(parent)
	s.oracle = newOracle(s)
	s.zoneAt = newEdgeZone(s)
	return s
}

// end stops every process and waits for them.
func (s *sim) end() {
	s.cancel()
	for _, c := range s.sorted() {
		for _, sl := range c.slots {
			if sl.p != nil {
				sl.p.stop()
			}
		}
	}
	s.wg.Wait()
}

// Story is a script: one command a line.
type Story []string

// Failure says where a story went wrong.
type Failure struct {
	Line  int // of the story, from 1
	After time.Duration
	What  string // invariant that was violated; "": a line did not come true
	Err   error
}

// Error says it for people.
func (f *Failure) Error() string {
	s := fmt.Sprintf("line %d, after %v: %v", f.Line, f.After, f.Err)
	if f.What != "" {
		s = fmt.Sprintf("violated: %s: %s", f.What, s)
	}
	return s
}

// Options are how a story is told.
type Options struct {
	Mutant Mutant                           // a planted bug; the zero value is none
	Logs   io.Writer                        // gets what processes log; nil: nobody
	Trace  io.Writer                        // gets a line of each message that arrives, each change of the edge and of an answer; nil: nobody
	Order  uint64                           // of what happens at the same moment, if Ordered; 0: any
	Log    func(format string, args ...any) // gets how long "within" took; nil: nobody
}

// Tell runs a story. It must be called inside a synctest bubble. It gives the
// first thing that goes wrong; nil: nothing does.
func Tell(ctx context.Context, story Story, o Options) *Failure {
	s := newSim(ctx)
	s.mutant, s.logs, s.trace = o.Mutant, o.Logs, o.Trace
	setOrder(o.Order)
	defer setOrder(0)
	if o.Log != nil {
		s.log = o.Log
	}
	defer synctest.Wait()
	defer s.end()
	for i, line := range story {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		synctest.Wait()
		err := s.do(fields)
		if f := s.oracle.failure(); f != nil {
			f.Line = i + 1
			return f
		}
		if err != nil {
			return &Failure{Line: i + 1, After: time.Since(s.begin), Err: fmt.Errorf("%s: %w", strings.TrimSpace(line), err)}
		}
	}
	return nil
}

// Ordered says whether equal orders of equal stories happen alike, message by message:
// the program was built with the overlay that internal/gslbtest/orders makes. It has to
// run with GOMAXPROCS=1, and without garbage collection while a story is told.
func Ordered() bool { return ordered }

// note writes a line of what happens. The lock is held.
func (s *sim) note(format string, args ...any) {
	if s.trace != nil {
		fmt.Fprintf(s.trace, "%v "+format+"\n", append([]any{time.Since(s.begin)}, args...)...)
	}
}

// sorted gives the clusters by tag; the lock is held, or nothing runs.
func (s *sim) sorted() []*cluster {
	out := make([]*cluster, 0, len(s.clusters))
	for _, tag := range slices.Sorted(maps.Keys(s.clusters)) {
		out = append(out, s.clusters[tag])
	}
	return out
}

// ownerOf gives the cluster of an entry. The lock is held.
func (s *sim) ownerOf(addr string) *cluster {
	if e := s.oracle.entries[parseAddr(addr)]; e != nil {
		return e.c
	}
	return nil
}

// clientsReach says whether clients where one cluster is reach the entries of
// another: by the world, not by the roads between clusters. The lock is held.
func (s *sim) clientsReach(from, to *cluster) bool {
	return !s.net.silent(from.tag, worldSite) && !s.net.silent(to.tag, worldSite)
}
