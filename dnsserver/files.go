// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"
)

// lookEvery is how often files are looked at. What Kubernetes mounts changes
// about once a minute after its object did.
const lookEvery = 5 * time.Second

// files are read again when they change: secrets and certificates are rotated
// without a restart.
type files struct {
	all       []*watched
	recovered func(any) // tells of a panic
}

// watched are files that belong together.
type watched struct {
	what   string
	load   func() error
	paths  []string
	stamps []stamp
	failed bool
}

// stamp tells whether a file changed: another file in its place (a mounted Secret is
// exchanged by a symbolic link), or another time or size of it. nil: there is none.
type stamp struct{ os.FileInfo }

func stampOf(path string) stamp {
	fi, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{fi}
}

func (s stamp) same(other stamp) bool {
	if s.FileInfo == nil || other.FileInfo == nil {
		return s.FileInfo == nil && other.FileInfo == nil
	}
	return os.SameFile(s.FileInfo, other.FileInfo) && s.ModTime().Equal(other.ModTime()) && s.Size() == other.Size()
}

// add watches files that are read right after it.
func (f *files) add(what string, load func() error, paths ...string) {
	w := &watched{what: what, load: load, paths: paths}
	for _, p := range paths {
		w.stamps = append(w.stamps, stampOf(p))
	}
	f.all = append(f.all, w)
}

// run looks at the files until ctx ends.
func (f *files) run(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.look(log)
		}
	}
}

// load reads the files of one; a panic is told, and an error.
func (f *files) load(w *watched) (err error) {
	defer func() {
		if v := recover(); v != nil {
			f.recovered(v)
			err = fmt.Errorf("reading %s: panic: %v", w.what, v)
		}
	}()
	return w.load()
}

// look reads what changed. What cannot be read leaves what was read before, and
// is tried again each time: files that belong together change one by one.
func (f *files) look(log *slog.Logger) {
	for _, w := range f.all {
		changed := w.failed
		for i, p := range w.paths {
			if now := stampOf(p); !now.same(w.stamps[i]) {
				w.stamps[i], changed = now, true
			}
		}
		if !changed {
			continue
		}
		err := f.load(w)
		switch {
		case err == nil:
			log.Info("file was read again", "what", w.what, "files", w.paths)
		case !w.failed:
			log.Error("what was read before stays in use", "what", w.what, "error", err)
		}
		w.failed = err != nil
	}
}
