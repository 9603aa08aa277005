// SPDX-License-Identifier: Apache-2.0

package challenges_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/controllers/challenges"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/state"
)

// told is a Store that notes what it is told.
type told struct{ records [][]gslb.Record }

func (s *told) SetChallenges(records []gslb.Record) { s.records = append(s.records, records) }

func (s *told) last() []gslb.Record {
	if len(s.records) == 0 {
		return nil
	}
	return s.records[len(s.records)-1]
}

func record(name, data string) gslb.Record {
	return gslb.Record{Name: gslb.MustName(name), Type: 16, TTL: 60, Data: data}
}

var (
	one = record("_acme-challenge.app.cloud.example.com", `"one"`)
	odd = record("x.team.cloud.example.com", `"a \"b\" <&>" "\000\255;"`)
)

func set(records ...gslb.Record) func([]gslb.Record) ([]gslb.Record, error) {
	return func([]gslb.Record) ([]gslb.Record, error) { return records, nil }
}

func open(t *testing.T, dir string) (*challenges.File, *told, *strings.Builder) {
	t.Helper()
	store, log := &told{}, &strings.Builder{}
	f, err := challenges.NewFile(dir, store, slog.New(slog.NewTextHandler(log, nil)))
	require.NoError(t, err)
	return f, store, log
}

func TestWhatAFileKeepsIsThereAfterARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	f, store, _ := open(t, dir)
	assert.Empty(t, store.records)
	require.NoError(t, f.Change(t.Context(), set(one, odd)))
	assert.Equal(t, []gslb.Record{one, odd}, store.last())

	_, again, log := open(t, dir)
	assert.Equal(t, []gslb.Record{one, odd}, again.last())
	assert.Empty(t, log.String())

	before, err := os.Stat(filepath.Join(dir, "challenges"))
	require.NoError(t, err)
	require.NoError(t, f.Change(t.Context(), func(held []gslb.Record) ([]gslb.Record, error) { return slices.Clone(held), nil }))
	after, err := os.Stat(filepath.Join(dir, "challenges"))
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "what does not change is not written")
	assert.Len(t, store.records, 1)

	require.NoError(t, f.Change(t.Context(), set()))
	_, again, _ = open(t, dir)
	assert.Empty(t, again.last())
}

func TestWithoutAFolderRecordsLiveInMemory(t *testing.T) {
	f, store, _ := open(t, "")
	require.NoError(t, f.Change(t.Context(), set(one)))
	require.NoError(t, f.Change(t.Context(), func(held []gslb.Record) ([]gslb.Record, error) {
		assert.Equal(t, []gslb.Record{one}, held)
		return append(slices.Clone(held), odd), nil
	}))
	assert.Equal(t, []gslb.Record{one, odd}, store.last())
}

func TestWhatIsNotKeptIsNotChanged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	f, store, _ := open(t, dir)
	require.NoError(t, f.Change(t.Context(), set(one)))
	no := errors.New("no")
	require.ErrorIs(t, f.Change(t.Context(), func([]gslb.Record) ([]gslb.Record, error) { return nil, no }), no)

	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.WriteFile(dir, nil, 0o600))
	require.ErrorContains(t, f.Change(t.Context(), set(one, odd)), "state folder")
	assert.Equal(t, []gslb.Record{one}, store.last())
	require.NoError(t, os.Remove(dir))
	require.NoError(t, f.Change(t.Context(), set(odd)))

	gone, cancel := context.WithCancel(t.Context())
	require.NoError(t, f.Change(t.Context(), func([]gslb.Record) ([]gslb.Record, error) {
		cancel()
		require.ErrorIs(t, f.Change(gone, set(one)), context.Canceled, "who waits for a turn may go")
		return []gslb.Record{odd}, nil
	}))
}

func TestADamagedFileIsSetAside(t *testing.T) {
	for why, text := range map[string]string{
		"no JSON":            "{",
		"a newer format":     `{"format":2,"records":[]}`,
		"unknown fields":     `{"format":1,"records":[],"more":1}`,
		"more than one":      `{"format":1,"records":[]}{}`,
		"no name":            `{"format":1,"records":[{"type":"TXT","ttl":1,"data":"x"}]}`,
		"a bad name":         `{"format":1,"records":[{"name":"a b","type":"TXT","ttl":1,"data":"x"}]}`,
		"no type":            `{"format":1,"records":[{"name":"a.b","ttl":1,"data":"x"}]}`,
		"a type of messages": `{"format":1,"records":[{"name":"a.b","type":"AXFR","ttl":1,"data":"x"}]}`,
		"bad data":           `{"format":1,"records":[{"name":"a.b","type":"TXT","ttl":1,"data":"\"x"}]}`,
	} {
		dir := t.TempDir()
		file := state.File{Dir: dir, Name: "challenges", Kind: "challenges", Format: 1}
		require.NoError(t, file.Write([]byte(text)))
		f, store, log := open(t, dir)
		assert.Empty(t, store.last(), why)
		assert.Contains(t, log.String(), "level=ERROR", why)
		assert.Contains(t, log.String(), "set aside", why)
		kept, err := os.ReadFile(filepath.Join(dir, "challenges.bad"))
		require.NoError(t, err, why)
		assert.Contains(t, string(kept), text, why)
		require.NoError(t, f.Change(t.Context(), set(one)), why)
	}
}
