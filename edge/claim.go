// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"sync"
	"time"
)

// claim is what the heartbeat in an edge zone tells about who speaks for our
// cluster. The beater writes it, the delegator reads it.
type claim struct {
	mu     sync.Mutex
	mine   bool      // this process wrote the heartbeat last
	from   time.Time // when old glue may be removed, while mine
	other  string    // another cluster uses our geo tag; says which ids
	data   []string  // the heartbeat as it was read last; empty: never, or it is another cluster's
	agrees bool      // it states the addresses that we publish
	states bool      // it states some
	opened bool      // the heartbeat was read, and did not keep us from publishing
	late   bool      // another cluster had our geo tag before us
}

// set replaces what is known and reports whether that is news.
func (c *claim) set(mine bool, from time.Time, other string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	news := c.mine != mine || (c.other == "") != (other == "")
	c.mine, c.from, c.other = mine, from, other
	if other != "" {
		c.data, c.agrees, c.states = nil, false, false
	}
	return news
}

// read notes the heartbeat as it stands, which states addresses or none, and reports
// whether it is news that it states ours, others or none.
func (c *claim) read(data []string, states, ours string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	agrees, some := states == ours, states != ""
	news := len(c.data) == 0 || agrees != c.agrees || some != c.states
	c.data, c.states, c.agrees = data, some, agrees
	return news
}

// lease gives the heartbeat as this process knows it. Whatever is done under the
// prerequisite that it still stands is not done by a process that stood still while
// another instance of its cluster went on.
func (c *claim) lease() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.data
}

// stated says what the heartbeat states of our name servers: the addresses that we
// publish, others, or nothing.
func (c *claim) stated() (ours, others bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.agrees, c.states && !c.agrees
}

// open lets the delegator publish. It reports whether that is news. A conflict that is
// to be shown, other, goes on keeping it back.
func (c *claim) open(other string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	news := !c.opened || c.other != "" && other == ""
	c.opened = true
	if other == "" {
		c.other = ""
	}
	return news
}

// isOpen reports that the heartbeat was read and did not keep us from publishing.
func (c *claim) isOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opened
}

// newcomer notes whether another cluster had our geo tag before us.
func (c *claim) newcomer(late bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = late
}

// isNewcomer reports that another cluster had our geo tag before us.
func (c *claim) isNewcomer() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.late
}

func (c *claim) mayRemove(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mine && c.agrees && c.other == "" && !now.Before(c.from)
}

func (c *claim) conflict() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.other
}
