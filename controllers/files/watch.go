// SPDX-License-Identifier: Apache-2.0

package files

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/fsnotify/fsnotify"
)

// watch tells when something in a folder may have changed. It follows the folder
// where a link leads, what links in it lead to, and the folder's place itself, so that
// swaps of links (as ConfigMap mounts do), renames and a folder that comes later are
// seen. Nil channels of a watch that the system refused never tell anything.
type watch struct {
	dir    string // absolute
	real   string // where it leads; "" while it is missing
	log    *slog.Logger
	fs     *fsnotify.Watcher // nil: the system refused
	links  map[string]string // what files in the folder lead to, with their names
	events <-chan fsnotify.Event
	errors <-chan error
}

func newWatch(dir string, log *slog.Logger) *watch {
	w := &watch{dir: dir, log: log}
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("changes cannot be watched, so the folder is looked at every second", "error", err)
		return w
	}
	w.fs, w.events, w.errors = fs, fs.Events, fs.Errors
	return w
}

func (w *watch) close() {
	if w.fs != nil {
		_ = w.fs.Close() // nothing more is wanted of it
	}
}

// follow watches what is to be watched now. It reports that something is watched that
// was not before: what happened there in between is not known.
func (w *watch) follow() (fresh bool) {
	if w.fs == nil {
		return false
	}
	wanted := w.wanted()
	watched := w.fs.WatchList()
	for _, path := range watched {
		if !slices.Contains(wanted, path) {
			_ = w.fs.Remove(path) // it is gone already, or of no interest
		}
	}
	for _, path := range wanted {
		if slices.Contains(watched, path) {
			continue
		}
		switch err := w.fs.Add(path); {
		case err == nil:
			fresh = true
		case !errors.Is(err, os.ErrNotExist):
			w.log.Debug("not watched", "path", path, "error", err)
		}
	}
	return fresh
}

// wanted lists the folders to watch, and notes where links in the folder lead.
func (w *watch) wanted() []string {
	paths := []string{filepath.Dir(w.dir)}
	add := func(path string) {
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	w.links = make(map[string]string)
	var err error
	if w.real, err = filepath.EvalSymlinks(w.dir); err != nil {
		return paths
	}
	add(w.real)
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		return paths
	}
	for _, e := range entries {
		if e.Type()&os.ModeSymlink == 0 || !isManifest(e.Name()) {
			continue
		}
		if target, err := filepath.EvalSymlinks(filepath.Join(w.dir, e.Name())); err == nil {
			w.links[target] = e.Name()
			add(filepath.Dir(target))
		}
	}
	return paths
}

// about says what an event is about: a file of the folder by name, or with an empty
// name something that can change which files there are. False: it does not matter.
func (w *watch) about(e fsnotify.Event) (name string, matters bool) {
	if name, linked := w.links[e.Name]; linked {
		return name, true
	}
	if e.Name == w.dir || e.Name == w.real {
		return "", true
	}
	in, base := filepath.Dir(e.Name), filepath.Base(e.Name)
	switch {
	case in != w.real:
		return "", false // a neighbour of the folder, or of a file that is linked to
	case isManifest(base):
		return base, true
	}
	return "", base[0] == '.' // what ConfigMap mounts swap has a hidden name
}
