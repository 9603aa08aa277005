// SPDX-License-Identifier: Apache-2.0

package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/api/validate"
)

// maxManifest is the longest file that is read.
const maxManifest = 16 << 20

// folder holds the last good content of every file. It is not safe for concurrent use.
type folder struct {
	dir       string
	validator *validate.Validator
	files     map[string]*file // by name in the folder
}

// file is what is known of one file.
type file struct {
	info     fs.FileInfo // when it was read; nil: it could not be
	sum      [sha256.Size]byte
	good     bool               // it had no problem once: its objects are those of then
	objects  []validate.Object  // that count
	problems []validate.Problem // of its present content
	gone     time.Time          // since when it is missing, or empty though it held objects; zero: it is there
}

func newFolder(dir string, validator *validate.Validator) *folder {
	return &folder{dir: dir, validator: validator, files: make(map[string]*file)}
}

// isManifest reports that a file of this name is read. Hidden files are not: editors
// lock files with them, and ConfigMap mounts keep their folders in them.
func isManifest(name string) bool {
	if strings.HasPrefix(name, ".") {
		return false
	}
	switch filepath.Ext(name) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// scan looks at every file, and reads those that changed by their times and size,
// and those of force. It gives the names of files whose state changed, sorted, and
// when to look again (zero: when something happens). An error means that the folder
// cannot be read; everything stays as it was.
func (f *folder) scan(ctx context.Context, now time.Time, force map[string]bool) (changed []string, again time.Time, err error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, time.Time{}, err
	}
	there := make(map[string]bool, len(entries))
	for _, e := range entries {
		if !isManifest(e.Name()) {
			continue
		}
		name := e.Name()
		exists, news := f.look(ctx, name, force[name])
		there[name] = exists
		if news {
			changed = append(changed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		if there[name] {
			continue
		}
		news, until := f.vanish(name, now)
		if news {
			changed = append(changed, name)
		}
		if !until.IsZero() && (again.IsZero() || until.Before(again)) {
			again = until
		}
	}
	slices.Sort(changed)
	return slices.Compact(changed), again, nil
}

// look reads one file if need be. It is not there if it is missing, or is empty and
// held objects.
func (f *folder) look(ctx context.Context, name string, force bool) (exists, news bool) {
	path := filepath.Join(f.dir, name)
	known := f.files[name]
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, false
	case err == nil && info.IsDir():
		return false, false
	case err == nil && !force && known != nil && sameFile(known.info, info) && known.gone.IsZero():
		return true, false
	}
	var data []byte
	if err == nil {
		data, err = readManifest(path, info)
	}
	if known == nil {
		known = &file{}
		f.files[name] = known
	}
	if err != nil {
		known.info = nil
		return true, known.refuse(validate.Problem{File: path, Message: err.Error()})
	}
	if len(bytes.TrimSpace(data)) == 0 && len(known.objects) > 0 {
		return false, false
	}
	returned := !known.gone.IsZero()
	known.gone = time.Time{}
	sum := sha256.Sum256(data)
	if known.info != nil && sum == known.sum {
		known.info = info
		return true, returned
	}
	known.info, known.sum = info, sum
	objects, problems := f.validator.Objects(ctx, path, data)
	return true, known.take(objects, problems) || returned
}

func sameFile(a, b fs.FileInfo) bool {
	return a != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func readManifest(path string, info fs.FileInfo) ([]byte, error) {
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file: %s", info.Mode().Type())
	}
	in, err := os.Open(path) //nolint:gosec // the folder is the operator's
	if err != nil {
		return nil, err
	}
	defer in.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(in, maxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxManifest {
		return nil, fmt.Errorf("the file has more than %d MiB; split it", maxManifest>>20)
	}
	return data, nil
}

// take replaces what the file says. A file with problems keeps its last good objects;
// one that never was good gives those without problems.
func (f *file) take(objects []validate.Object, problems []validate.Problem) (news bool) {
	f.problems = problems
	if len(problems) == 0 {
		f.objects, f.good = objects, true
	} else if !f.good {
		f.objects = objects
	}
	return true
}

// refuse notes that the file could not be read.
func (f *file) refuse(p validate.Problem) (news bool) {
	same := len(f.problems) == 1 && f.problems[0] == p
	f.problems = []validate.Problem{p}
	return !same
}

// vanish forgets a file that is not there, after a while if it held objects.
func (f *folder) vanish(name string, now time.Time) (news bool, until time.Time) {
	known := f.files[name]
	switch {
	case len(known.objects) == 0:
		delete(f.files, name)
		return true, time.Time{}
	case known.gone.IsZero():
		known.gone = now
		return true, now.Add(grace)
	case now.Before(known.gone.Add(grace)):
		return false, known.gone.Add(grace)
	}
	delete(f.files, name)
	return true, time.Time{}
}
