// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"sync"
	"time"
)

// arrivals keeps when the oldest event arrived for which an item is in the queue, so
// that the time from there to the answers can be told. Safe for concurrent use; the zero
// value is ready.
type arrivals struct {
	mu sync.Mutex
	at map[item]time.Time
}

// note is called before an item is enqueued for an event that arrives now.
func (a *arrivals) note(i item) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at == nil {
		a.at = make(map[item]time.Time)
	}
	if _, waits := a.at[i]; !waits {
		a.at[i] = time.Now()
	}
}

// take gives when the events arrived for which an item is translated now; now, where it
// was enqueued by time alone.
func (a *arrivals) take(i item) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, waited := a.at[i]
	if !waited {
		return time.Now()
	}
	delete(a.at, i)
	return at
}
