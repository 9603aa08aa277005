// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/meridian-gslb/meridian/internal/sites"
)

// Down removes the set of a folder, with its files: by its supervisor if that
// answers, else itself, after a supervisor that was killed. What is not there is fine.
func Down(ctx context.Context, layout sites.Layout, progress io.Writer) error {
	_, err := sites.Call(ctx, layout, sites.Request{Command: sites.CommandDown}, progress)
	if err != nil && !errors.Is(err, sites.ErrDown) {
		return err
	}
	if err := awaitEnd(ctx, layout); err != nil {
		return err
	}
	c, err := findCgroups()
	if err != nil {
		return err
	}
	if err := c.clear(layout.Cgroup()); err != nil {
		return err
	}
	return sites.RemoveFiles(layout)
}

// awaitEnd waits until no supervisor has the folder.
func awaitEnd(ctx context.Context, layout sites.Layout) error {
	f, err := os.OpenFile(layout.Lock(), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // which gives the lock back
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			owner, _ := io.ReadAll(io.LimitReader(f, 16))
			return fmt.Errorf("the supervisor of %s, process %s, does not end: %w", layout.Dir, owner, err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
