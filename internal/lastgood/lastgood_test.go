// SPDX-License-Identifier: Apache-2.0

package lastgood_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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

type world struct {
	dir    string
	worlds chan *gslb.World
	now    *gslb.Saved
	saves  int
	log    bytes.Buffer
	end    context.CancelFunc
	done   chan error
}

func start(t *testing.T, dir string) *world {
	t.Helper()
	w := &world{dir: dir, worlds: make(chan *gslb.World), now: saved(1), done: make(chan error, 1)}
	k, err := lastgood.New(lastgood.Config{
		Dir: w.dir, Worlds: w.worlds, Save: func() *gslb.Saved { w.saves++; return w.now }, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
		Registerer: prometheus.NewRegistry(),
	})
	require.NoError(t, err)
	var ctx context.Context
	ctx, w.end = context.WithCancel(t.Context())
	go func() { w.done <- k.Run(ctx) }()
	t.Cleanup(w.end)
	return w
}

func (w *world) change(serial uint32) {
	w.now = saved(serial)
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
		assert.LessOrEqual(t, w.saves, 13, "a minute of ten changes a second")
		time.Sleep(time.Minute)
		synctest.Wait()
		quiet := w.saves
		got, err := lastgood.Load(w.dir, "eu")
		require.NoError(t, err)
		assert.Equal(t, saved(599), got, "and the last one is kept")
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, quiet, w.saves, "a quiet system does no work")
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
		assert.Zero(t, w.saves, "neither before it is ready nor while it is that of before the restart")
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
		assert.Equal(t, 1, bytes.Count(w.log.Bytes(), []byte("cannot be kept")))
		require.NoError(t, os.Remove(dir))
		time.Sleep(6 * time.Second)
		synctest.Wait()
		_, err := lastgood.Load(dir, "eu")
		require.NoError(t, err, "without another change")
		assert.Contains(t, w.log.String(), "kept again")
	})
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
