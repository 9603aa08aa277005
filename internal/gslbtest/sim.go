// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

const (
	edgeSite     = gslb.GeoTag("edge")
	beatInterval = 5 * time.Second
)

// beat is what an alarmed cluster wrote to the edge zone.
type beat struct {
	counter uint64
	missed  []gslb.GeoTag
}

// sim is the world of one story.
type sim struct {
	ctx        context.Context
	zone       gslb.Name
	edge       bool
	entryCheck bool
	log        func(format string, args ...any)

	mu       sync.Mutex // guards what follows, and what clusters share with the story
	clusters map[gslb.GeoTag]*cluster
	cut      map[[2]gslb.GeoTag]bool // from, to
	beats    map[gslb.GeoTag]beat
}

// Run tells the story in a file. It must run inside a synctest bubble; it fails
// the test at the first line that does not come true.
func Run(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer synctest.Wait()
	defer cancel()
	s := &sim{
		ctx: ctx, zone: gslb.MustName("cloud.example.com"), edge: true, entryCheck: true,
		clusters: map[gslb.GeoTag]*cluster{}, cut: map[[2]gslb.GeoTag]bool{}, beats: map[gslb.GeoTag]beat{}, log: t.Logf,
	}
	begin := time.Now()
	lines := 0
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		lines++
		synctest.Wait()
		if err := s.do(fields); err != nil {
			t.Fatalf("%s:%d (after %v): %s\n\t%v", file, i+1, time.Since(begin), strings.TrimSpace(line), err)
		}
	}
	require.NotZero(t, lines, "the story is empty")
}

// locked runs f with the lock held.
func (s *sim) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// reached gives the running clusters to which a link from one leads. The lock is
// held.
func (s *sim) reached(from gslb.GeoTag) []*cluster {
	var out []*cluster
	for _, tag := range slices.Sorted(maps.Keys(s.clusters)) {
		if c := s.clusters[tag]; tag != from && c.running && !s.isCut(from, tag) {
			out = append(out, c)
		}
	}
	return out
}

func (s *sim) isCut(from, to gslb.GeoTag) bool { return s.cut[[2]gslb.GeoTag{from, to}] }

func (s *sim) setCut(args []string, cut bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(args) == 2:
		a, b := gslb.GeoTag(args[0]), gslb.GeoTag(args[1])
		s.cut[[2]gslb.GeoTag{a, b}], s.cut[[2]gslb.GeoTag{b, a}] = cut, cut
	case len(args) == 3 && args[1] == ">":
		s.cut[[2]gslb.GeoTag{gslb.GeoTag(args[0]), gslb.GeoTag(args[2])}] = cut
	default:
		return fmt.Errorf("write: cut A B, or: cut A > B")
	}
	return nil
}

func (s *sim) cluster(tag string) (*cluster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clusters[gslb.GeoTag(tag)]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("no cluster %q in this story", tag)
}
