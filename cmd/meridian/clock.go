// SPDX-License-Identifier: Apache-2.0

//go:build !testclock

package main

import "time"

// wallClock is the clock that signatures are stamped with and judged by: this machine's.
func wallClock() (func() time.Time, error) { return time.Now, nil }
