// SPDX-License-Identifier: Apache-2.0

package kplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lock makes this the only process that builds into the cache. It waits for the
// one that does, and says so.
func (b *builder) lock(ctx context.Context) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(b.cache, "kplane.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	unlock = func() { _ = file.Close() } // which ends the lock
	began := time.Now()
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	told := began
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return unlock, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			unlock()
			return nil, fmt.Errorf("locking %s: %w", file.Name(), err)
		}
		if time.Since(told) >= b.every {
			told = time.Now()
			fmt.Fprintf(b.progress, "waiting for another process that builds Kubernetes: %s\n",
				time.Since(began).Round(time.Second))
		}
		select {
		case <-ctx.Done():
			unlock()
			return nil, fmt.Errorf("waiting for another process that builds: %w", context.Cause(ctx))
		case <-poll.C:
		}
	}
}
