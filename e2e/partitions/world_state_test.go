// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"path/filepath"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/lastgood"
)

// stateDir is where an instance that keeps its world keeps it.
func (i *instance) stateDir() string { return filepath.Join(i.c.w.lab.Dir, "state-"+i.name) }

// kept waits until the world on every disk of the cluster has what all others that serve
// offer, as it is now.
func (c *cluster) kept() {
	c.w.t.Helper()
	for _, i := range c.instances {
		c.keptBy(i)
	}
}

func (c *cluster) keptBy(i *instance) {
	c.w.t.Helper()
	c.w.until("the world of "+i.name+" is kept", func() bool {
		saved, err := lastgood.Load(i.stateDir(), gslb.GeoTag(c.tag))
		if err != nil {
			return false
		}
		healthy := 0
		for _, r := range saved.Reports {
			if o := r.Offers[gslb.MustName(rr)]; o != nil && o.Health() == gslb.Healthy {
				healthy++
			}
		}
		for _, o := range c.w.clusters {
			if o != c && o.serves {
				healthy--
			}
		}
		return healthy == 0
	})
}
