// SPDX-License-Identifier: Apache-2.0

//go:build testclock

package main

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// clockEnv names the variable with the path of a file that says how far the clock of
// signatures is ahead of this machine's, as in 6m or -6m. It is read whenever something is
// signed or judged, so that the clock can be set while the process runs.
const clockEnv = "MERIDIAN_TEST_CLOCK"

// wallClock is the clock that signatures are stamped with and judged by, as a test sets
// it. Releases are built without this file: go build -tags testclock has it.
func wallClock() (func() time.Time, error) {
	path := os.Getenv(clockEnv)
	if path == "" {
		return time.Now, nil
	}
	ahead, err := readAhead(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", clockEnv, err)
	}
	var last atomic.Int64
	last.Store(int64(ahead))
	return func() time.Time {
		if ahead, err := readAhead(path); err == nil {
			last.Store(int64(ahead))
		}
		return time.Now().Round(0).Add(time.Duration(last.Load()))
	}, nil
}

func readAhead(path string) (time.Duration, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	ahead, err := time.ParseDuration(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("%s says how far the clock is ahead, as in 6m: %w", path, err)
	}
	return ahead, nil
}
