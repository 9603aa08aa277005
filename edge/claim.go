// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"sync"
	"time"
)

// claim is what the heartbeat in an edge zone tells about who speaks for our
// cluster. The beater writes it, the delegator reads it.
type claim struct {
	mu    sync.Mutex
	mine  bool      // this process wrote the heartbeat last
	from  time.Time // when old glue may be removed, while mine
	other string    // another cluster uses our geo tag; says which ids
}

// set replaces what is known and reports whether that is news.
func (c *claim) set(mine bool, from time.Time, other string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	news := c.mine != mine || (c.other == "") != (other == "")
	c.mine, c.from, c.other = mine, from, other
	return news
}

func (c *claim) mayRemove(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mine && c.other == "" && !now.Before(c.from)
}

func (c *claim) conflict() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.other
}
