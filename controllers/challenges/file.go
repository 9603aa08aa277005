// SPDX-License-Identifier: Apache-2.0

package challenges

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/state"
)

// Store is what is told of the records that are held; a [gslb.Store] is one.
type Store interface {
	SetChallenges(records []gslb.Record)
}

// File keeps the records of a process that is a cluster by itself. Its methods are
// safe for concurrent use.
type File struct {
	store Store
	file  state.File // Dir "": in memory alone
	turn  chan struct{}
	held  []gslb.Record // of whoever holds turn
}

// NewFile reads what the folder keeps, and tells the Store. A file that is damaged
// is set aside, which is logged; nothing is held then. Without a folder records
// live in memory alone.
func NewFile(dir string, store Store, log *slog.Logger) (*File, error) {
	f := &File{store: store, turn: make(chan struct{}, 1), file: fileIn(dir)}
	var err error
	if f.held, err = load(f.file); err != nil {
		log.Error("the records of dynamic updates are lost", "file", f.file.Path(), "error", err)
	} else if len(f.held) > 0 {
		store.SetChallenges(f.held)
	}
	return f, nil
}

// fileIn gives the file of a folder; "": none.
func fileIn(dir string) state.File {
	return state.File{Dir: dir, Name: "challenges", Kind: "challenges", Format: format}
}

// load reads a file, if there is one. One that is damaged is set aside.
func load(f state.File) ([]gslb.Record, error) {
	if f.Dir == "" {
		return nil, nil
	}
	text, err := f.Read()
	if errors.Is(err, state.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	records, err := decode(text)
	if err != nil {
		return nil, f.SetAside(err)
	}
	return records, nil
}

// save writes a file, if there is a folder for it.
func save(f state.File, records []gslb.Record) error {
	if f.Dir == "" {
		return nil
	}
	text, err := encode(records)
	if err == nil {
		err = f.Write(text)
	}
	if err != nil {
		return fmt.Errorf("keeping the records of dynamic updates: %w", err)
	}
	return nil
}

// Change implements update.Storage.
func (f *File) Change(ctx context.Context, edit func([]gslb.Record) ([]gslb.Record, error)) error {
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	next, err := edit(f.held)
	if err != nil || slices.Equal(next, f.held) {
		return err
	}
	if err := save(f.file, next); err != nil {
		return err
	}
	f.held = next
	f.store.SetChallenges(next)
	return nil
}
