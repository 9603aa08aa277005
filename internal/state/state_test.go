// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/state"
)

func file(t *testing.T) state.File {
	return state.File{Dir: filepath.Join(t.TempDir(), "state"), Name: "world", Kind: "world", Format: 1}
}

func TestWhatWasKeptIsReadAgain(t *testing.T) {
	f := file(t)
	_, err := f.Read()
	require.ErrorIs(t, err, state.ErrNone)
	for _, body := range []string{"first", "", "two\nlines\n", string(bytes.Repeat([]byte{0}, 100_000))} {
		require.NoError(t, f.Write([]byte(body)))
		got, err := f.Read()
		require.NoError(t, err)
		assert.Equal(t, body, string(got))
	}
	entries, err := os.ReadDir(f.Dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no temporary file stays")
	fi, err := os.Stat(f.Path())
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), fi.Mode().Perm(), "addresses and tokens are nobody else's business")
}

func TestADamagedFileIsSetAside(t *testing.T) {
	good := func(t *testing.T) (state.File, []byte) {
		f := file(t)
		require.NoError(t, f.Write([]byte("content that matters")))
		b, err := os.ReadFile(f.Path())
		require.NoError(t, err)
		return f, b
	}
	for _, c := range []struct {
		why    string
		damage func([]byte) []byte
		says   string
	}{
		{"one bit turned in the content", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, "checksum"},
		{"cut short", func(b []byte) []byte { return b[:len(b)-3] }, "length or checksum"},
		{"longer", func(b []byte) []byte { return append(b, 'x') }, "length or checksum"},
		{"empty", func([]byte) []byte { return nil }, "does not begin with a line"},
		{"no line", func([]byte) []byte { return bytes.Repeat([]byte{'x'}, 1000) }, "does not begin with a line"},
		{"of somebody else", func([]byte) []byte { return []byte("{}\n") }, "not written by Meridian"},
		{"another kind", func(b []byte) []byte { return bytes.Replace(b, []byte(" world "), []byte(" other "), 1) }, `holds "other", not "world"`},
		{"a newer format", func(b []byte) []byte { return bytes.Replace(b, []byte(" 1 "), []byte(" 2 "), 1) }, "reads format 1"},
	} {
		t.Run(c.why, func(t *testing.T) {
			f, b := good(t)
			damaged := c.damage(bytes.Clone(b))
			require.NoError(t, os.WriteFile(f.Path(), damaged, 0o600))
			_, err := f.Read()
			require.ErrorContains(t, err, c.says)
			require.ErrorIs(t, err, state.ErrSetAside)
			require.ErrorContains(t, err, f.Path()+".bad")
			kept, err := os.ReadFile(f.Path() + ".bad")
			require.NoError(t, err)
			assert.True(t, bytes.Equal(damaged, kept), "nothing is lost")
			_, err = f.Read()
			require.ErrorIs(t, err, state.ErrNone)
			require.NoError(t, f.Write([]byte("new")), "and the next one is kept as ever")
		})
	}
}

func TestWhatCannotBeKeptLeavesTheOldOne(t *testing.T) {
	f := file(t)
	require.NoError(t, f.Write([]byte("old")))
	require.Error(t, f.Write(make([]byte, state.MaxSize+1)))
	got, err := f.Read()
	require.NoError(t, err)
	assert.Equal(t, "old", string(got))

	blocked := state.File{Dir: f.Path(), Name: "x", Kind: "x", Format: 1}
	require.ErrorContains(t, blocked.Write(nil), "state folder", "a file stands where the folder should be")
}

func TestAFolderIsTried(t *testing.T) {
	f := file(t)
	require.NoError(t, f.Try(), "it is made")
	entries, err := os.ReadDir(f.Dir)
	require.NoError(t, err)
	assert.Empty(t, entries, "nothing stays")
	require.NoError(t, f.Write([]byte("old")))
	require.NoError(t, f.Try())
	got, err := f.Read()
	require.NoError(t, err)
	assert.Equal(t, "old", string(got))
	require.ErrorContains(t, state.File{Dir: f.Path(), Name: "x", Kind: "x", Format: 1}.Try(), "state folder", "a file stands where the folder should be")
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("meridian world 1 0 sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"))
	f.Add([]byte("meridian world 1"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		file := file(t)
		require.NoError(t, os.MkdirAll(file.Dir, 0o700))
		require.NoError(t, os.WriteFile(file.Path(), b, 0o600))
		body, err := file.Read()
		if err != nil {
			return
		}
		require.NoError(t, file.Write(body))
		again, err := os.ReadFile(file.Path())
		require.NoError(t, err)
		assert.Equal(t, b, again, "what is believed is exactly what would be written")
	})
}
