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
	f := &File{
		store: store, turn: make(chan struct{}, 1),
		file: state.File{Dir: dir, Name: "challenges", Kind: "challenges", Format: format},
	}
	if dir == "" {
		return f, nil
	}
	text, err := f.file.Read()
	if err == nil {
		if f.held, err = decode(text); err != nil {
			err = f.file.SetAside(err)
		}
	}
	switch {
	case err == nil:
		store.SetChallenges(f.held)
	case errors.Is(err, state.ErrNone):
	default:
		log.Error("the records of dynamic updates are lost", "file", f.file.Path(), "error", err)
	}
	return f, nil
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
	if f.file.Dir != "" {
		text, err := encode(next)
		if err == nil {
			err = f.file.Write(text)
		}
		if err != nil {
			return fmt.Errorf("keeping the records of dynamic updates: %w", err)
		}
	}
	f.held = next
	f.store.SetChallenges(next)
	return nil
}
