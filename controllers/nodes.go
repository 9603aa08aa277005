// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meridian-gslb/meridian/controllers/refs"
)

// lacks reports that the cluster does not have a kind.
func (c *collector) lacks(kind schema.GroupKind) bool {
	s := c.sources[refs.Word(kind)]
	return s != nil && s.missing()
}

// widen has all nodes read from now on, and reports that they are. Until then only those
// that stand for other clusters are: most clusters need no more.
func (c *collector) widen() bool {
	s := c.sources[refs.Word(refs.KindNode)]
	if s == nil {
		return true
	}
	if s.wide.CompareAndSwap(false, true) {
		c.log.Info("all nodes are read from now on: a Service asks for their addresses, or an entry could be of a pod")
		s.expire()
	}
	return s.listedWide()
}

// nodesWait bounds how long a start waits for nodes that give entries, rangesWait for those
// that only tell which addresses are of pods.
const (
	nodesWait  = 10 * time.Second
	rangesWait = 2 * time.Second
	nodesEvery = 20 * time.Millisecond
)

// awaitNodes waits until all nodes are read, if a Gslb needs them, and translates those
// that do once more: what is told first must not lack their addresses.
func (c *collector) awaitNodes(ctx context.Context) {
	users := c.deps.OnKind(refs.KindNode)
	wait := nodesWait
	if len(users) == 0 {
		if len(c.last.where(mayBeInside)) == 0 {
			return
		}
		wait = rangesWait
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	poll := time.NewTicker(nodesEvery)
	defer poll.Stop()
	for waiting := true; waiting && !c.widen(); {
		select {
		case <-ctx.Done():
			return
		case <-deadline.C:
			waiting = false
		case <-poll.C:
		}
	}
	for key := range users {
		c.translate(ctx, key, time.Now())
	}
	for _, key := range c.last.where(c.insideMoved) {
		c.translate(ctx, key, time.Now())
	}
}
