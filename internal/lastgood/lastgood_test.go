// SPDX-License-Identifier: Apache-2.0

package lastgood_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/lastgood"
	"github.com/meridian-gslb/meridian/internal/state"
)

var app = gslb.MustName("app.cloud.example.com")

func saved(serial uint32) *gslb.Saved {
	o := &gslb.Offer{Host: app, Source: gslb.Source{Kind: "Gslb", Namespace: "default", Name: "app"},
		Entries: []gslb.Entry{{Addr: netip.MustParseAddr("192.0.2.1"), Health: gslb.Healthy}}}
	return &gslb.Saved{
		Self: "eu", ClusterID: "id", At: time.Unix(1, 0).UTC(), Zones: []gslb.ZoneIntent{{Zone: gslb.MustName("cloud.example.com")}},
		Serials: map[gslb.Name]uint32{gslb.MustName("cloud.example.com"): serial}, Offers: []*gslb.Offer{o},
		Reports: []*gslb.Report{{Cluster: "us", Zone: gslb.MustName("cloud.example.com"), Offers: map[gslb.Name]*gslb.Offer{app: o}}},
		Healthy: map[gslb.Name][]netip.Addr{},
	}
}

// lines keeps what is logged.
type lines struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

type world struct {
	dir    string
	worlds chan *gslb.World
	log    lines

	mu    sync.Mutex // guards now and saves
	now   *gslb.Saved
	saves int
	end   context.CancelFunc
	done  chan error
}

func start(t *testing.T, dir string) *world {
	t.Helper()
	w := &world{dir: dir, worlds: make(chan *gslb.World), now: saved(1), done: make(chan error, 1)}
	k, err := lastgood.New(lastgood.Config{
		Dir: w.dir, Worlds: w.worlds, Save: w.save, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
		Registerer: prometheus.NewRegistry(),
	})
	require.NoError(t, err)
	var ctx context.Context
	ctx, w.end = context.WithCancel(t.Context())
	go func() { w.done <- k.Run(ctx) }()
	t.Cleanup(w.end)
	return w
}

func (w *world) save() *gslb.Saved {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.saves++
	return w.now
}

// saved gives how often the world was asked for.
func (w *world) saved() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.saves
}

func (w *world) change(serial uint32) {
	w.mu.Lock()
	w.now = saved(serial)
	w.mu.Unlock()
	w.worlds <- &gslb.World{Ready: true}
	synctest.Wait()
}

func TestTheWorldIsKeptAndLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, t.TempDir())
		_, err := lastgood.Load(w.dir, "eu")
		require.ErrorIs(t, err, state.ErrNone)
		w.change(7)
		got, err := lastgood.Load(w.dir, "eu")
		require.NoError(t, err)
		assert.Equal(t, saved(7), got)
	})
}

func TestAWorldThatChangesAllTheTimeIsKeptNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, t.TempDir())
		for i := range uint32(600) {
			w.change(i)
			time.Sleep(100 * time.Millisecond)
		}
		assert.LessOrEqual(t, w.saved(), 18, "a minute of ten changes a second")
		time.Sleep(time.Minute)
		synctest.Wait()
		quiet := w.saved()
		got, err := lastgood.Load(w.dir, "eu")
		require.NoError(t, err)
		assert.Equal(t, saved(599), got, "and the last one is kept")
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, quiet, w.saved(), "a quiet system does no work")
	})
}

// A process that is killed a second after its start leaves behind what it learned of its
// peers, not the moment before.
func TestTheFirstWorldsAreKeptSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, t.TempDir())
		w.change(1)
		time.Sleep(20 * time.Millisecond)
		w.change(2)
		time.Sleep(300 * time.Millisecond)
		synctest.Wait()
		got, err := lastgood.Load(w.dir, "eu")
		require.NoError(t, err)
		assert.Equal(t, saved(2), got)
	})
}

func TestTheLastChangeIsKeptAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, t.TempDir())
		w.change(1)
		w.change(2)
		w.end()
		require.NoError(t, <-w.done)
		got, err := lastgood.Load(w.dir, "eu")
		require.NoError(t, err)
		assert.Equal(t, saved(2), got)
	})
}

func TestAWorldThatIsNotOurOwnKnowledgeIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, t.TempDir())
		w.worlds <- &gslb.World{}
		w.worlds <- &gslb.World{Ready: true, Local: gslb.LocalState{Restored: true}}
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Zero(t, w.saved(), "neither before it is ready nor while it is that of before the restart")
	})
}

func TestAFolderThatCannotBeWrittenIsToldOnceAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "state")
		require.NoError(t, os.WriteFile(dir, nil, 0o600)) // a file stands where the folder should be
		w := start(t, dir)
		w.change(1)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, 1, strings.Count(w.log.String(), "cannot be kept"))
		require.NoError(t, os.Remove(dir))
		time.Sleep(6 * time.Second)
		synctest.Wait()
		_, err := lastgood.Load(dir, "eu")
		require.NoError(t, err, "without another change")
		assert.Contains(t, w.log.String(), "kept again")
	})
}

func TestWhatWasSetAsideIsCounted(t *testing.T) {
	for _, n := range []int{0, 1} {
		r := prometheus.NewRegistry()
		_, err := lastgood.New(lastgood.Config{
			Dir: t.TempDir(), Worlds: make(chan *gslb.World), Save: func() *gslb.Saved { return nil }, Log: slog.New(slog.DiscardHandler),
			Registerer: r, SetAside: n,
		})
		require.NoError(t, err)
		require.NoError(t, testutil.GatherAndCompare(r, strings.NewReader(fmt.Sprintf(`# HELP meridian_state_set_aside_total Saved worlds that could not be used at the start and were set aside: damaged, or of another cluster or version.
# TYPE meridian_state_set_aside_total counter
meridian_state_set_aside_total %d
`, n)), "meridian_state_set_aside_total"))
	}
}

func TestWhatIsNotOursIsSetAside(t *testing.T) {
	for _, c := range []struct{ why, body, says string }{
		{"not packed", "{}", "unpacking"},
		{"of another cluster", "", `cluster "eu"; this is "us"`},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t, t.TempDir())
				w.change(1)
				if c.body != "" {
					require.NoError(t, state.File{Dir: w.dir, Name: "world", Kind: "world", Format: 1}.Write([]byte(c.body)))
				}
				_, err := lastgood.Load(w.dir, "us")
				require.ErrorContains(t, err, c.says)
				_, err = lastgood.Load(w.dir, "us")
				require.ErrorIs(t, err, state.ErrNone)
				assert.FileExists(t, filepath.Join(w.dir, "world.bad"))
			})
		})
	}
}
