// SPDX-License-Identifier: Apache-2.0

// Package state keeps files in the folder of --state-dir: what a process needs to
// go on after a restart. A file is written whole or not at all, says its kind
// and format, and carries a checksum; one that is damaged is set aside, never
// believed and never deleted. It does not know what is in them; its callers do.
package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// MaxSize bounds the content of a file, in octets.
const MaxSize = 512 << 20

// maxHead bounds the first line of a file.
const maxHead = 256

// ErrNone says that nothing was kept yet.
var ErrNone = errors.New("nothing is kept")

// ErrSetAside says that a file was renamed to NAME.bad, because it cannot be used.
var ErrSetAside = errors.New("set aside")

// File is one kept file. Its methods are not safe for concurrent use on the same
// path.
type File struct {
	Dir    string // exists, or is made with mode 0700 by Write
	Name   string // of the file, without folder
	Kind   string // what it holds, one word without spaces
	Format int    // of the content, from 1
}

// Path gives the whole path.
func (f File) Path() string { return filepath.Join(f.Dir, f.Name) }

// Write replaces the file by one that holds body, so that after a crash at any
// moment there is the old one or the new one. Nobody but the owner may read it.
func (f File) Write(body []byte) error {
	if len(body) > MaxSize {
		return fmt.Errorf("%s: %d octets are too much; at most %d are kept", f.Path(), len(body), MaxSize)
	}
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return fmt.Errorf("making the state folder: %w", err)
	}
	tmp, err := os.CreateTemp(f.Dir, f.Name+".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("keeping %s: %w", f.Name, err)
	}
	_, err = tmp.Write(append(f.head(body), body...))
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), f.Path())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keeping %s: %w", f.Name, err), os.Remove(tmp.Name()))
	}
	return f.syncDir()
}

// Try reports whether the folder can be written: it makes the folder, and a file that it
// takes away again. What is kept is not touched.
func (f File) Try() error {
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return fmt.Errorf("making the state folder: %w", err)
	}
	tmp, err := os.CreateTemp(f.Dir, f.Name+".new-*")
	if err != nil {
		return fmt.Errorf("writing to the state folder: %w", err)
	}
	if err := errors.Join(tmp.Close(), os.Remove(tmp.Name())); err != nil {
		return fmt.Errorf("writing to the state folder: %w", err)
	}
	return nil
}

// syncDir makes the rename last.
func (f File) syncDir() error {
	d, err := os.Open(f.Dir)
	if err != nil {
		return fmt.Errorf("keeping %s: %w", f.Name, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("keeping %s: %w", f.Name, err)
	}
	return nil
}

// head is the first line: who wrote it, the kind, the format, the length, and the checksum.
func (f File) head(body []byte) []byte {
	sum := sha256.Sum256(body)
	return fmt.Appendf(nil, "meridian %s %d %d sha256:%s\n", f.Kind, f.Format, len(body), hex.EncodeToString(sum[:]))
}

// Read gives the content. [ErrNone]: there is no file. A file that is damaged, of another
// kind, or of a format that this version does not know is renamed to NAME.bad (over
// an earlier one), and the error says what was wrong and where it is now.
func (f File) Read() ([]byte, error) {
	b, err := f.load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNone
	case err != nil:
		return nil, fmt.Errorf("reading what was kept: %w", err)
	}
	body, err := f.check(b)
	if err == nil {
		return body, nil
	}
	return nil, f.SetAside(err)
}

// SetAside renames the file to NAME.bad, because of why, and gives an error that tells
// both. Callers use it when the content of a sound file cannot be understood.
func (f File) SetAside(why error) error {
	bad := f.Path() + ".bad"
	if err := os.Rename(f.Path(), bad); err != nil {
		return errors.Join(fmt.Errorf("%s is not used: %w", f.Path(), why), err)
	}
	return fmt.Errorf("%s is %w as %s: %w", f.Path(), ErrSetAside, bad, why)
}

func (f File) load() (b []byte, err error) {
	in, err := os.Open(f.Path())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	return io.ReadAll(io.LimitReader(in, MaxSize+maxHead+1))
}

func (f File) check(b []byte) ([]byte, error) {
	line, body, ok := bytes.Cut(b, []byte("\n"))
	if !ok || len(line) > maxHead {
		return nil, errors.New("it does not begin with a line that says what it is")
	}
	words := bytes.Fields(line)
	if len(words) != 5 || string(words[0]) != "meridian" {
		return nil, errors.New("it was not written by Meridian")
	}
	format, err := strconv.Atoi(string(words[2]))
	switch {
	case string(words[1]) != f.Kind:
		return nil, fmt.Errorf("it holds %q, not %q", words[1], f.Kind)
	case err != nil || format != f.Format:
		return nil, fmt.Errorf("it has format %s; this version reads format %d", words[2], f.Format)
	case !bytes.Equal(append(line, '\n'), f.head(body)):
		return nil, errors.New("its length or checksum is wrong: it was damaged or edited")
	}
	return body, nil
}
