// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"slices"
	"time"
)

// set ends or begins the last span of a list now.
func set(all []span, open bool) []span {
	now := time.Now()
	last := len(all) - 1
	switch isOpen := last >= 0 && all[last].to.IsZero(); {
	case open && !isOpen:
		return append(all, span{from: now})
	case !open && isOpen:
		all[last].to = now
	}
	return all
}

// truth notes whether a cluster serves from now on.
func (c *checker) truth(cl *cluster) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.served[cl.tag] = set(c.served[cl.tag], cl.serves)
}

// lastResort says that from now on what lost clusters said last may be answered, or not
// any more.
func (c *checker) lastResort(may bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alone = set(c.alone, may)
}

// leave says that from now on instances need not answer: they are not there, or
// nobody can reach them.
func (c *checker) leave(instances ...*instance) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range instances {
		c.away[i.name] = set(c.away[i.name], true)
	}
}

// back waits until instances answer again; from then on they have to.
func (c *checker) back(instances ...*instance) {
	c.w.t.Helper()
	since := time.Now()
	for _, i := range instances {
		c.w.until(i.name+" answers again", func() bool {
			return !slices.ContainsFunc(hosts, func(host string) bool {
				a := c.latest(asked{i.name, host})
				return a.at.Before(since) || a.text == nothing || a.text == "SERVFAIL"
			})
		})
		c.mu.Lock()
		c.away[i.name] = set(c.away[i.name], false)
		c.mu.Unlock()
	}
}

// expectOthers takes what others have in the edge zone now for what has to stay.
func (c *checker) expectOthers() {
	c.w.t.Helper()
	others := c.w.edge.others()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = others
}
