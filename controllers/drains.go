// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/controllers/leaving"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// entriesBefore gives the entries that the World has of one of our objects, while objects are
// read for the first time.
func (c *collector) entriesBefore(source gslb.Source, host gslb.Name) []gslb.Entry {
	select {
	case <-c.synced:
		return nil
	default:
		return leaving.EntriesOf(c.cfg.Store.World(), c.cfg.Self, source, host)
	}
}

// drain adds to a translation what drains, and has it made anew when that ends.
func (c *collector) drain(key types.NamespacedName, out *translate.Output) {
	now := time.Now()
	if again := c.drains.Apply(key, out, now); !again.IsZero() {
		c.queue.AddAfter(item{key}, again.Sub(now))
	}
}
