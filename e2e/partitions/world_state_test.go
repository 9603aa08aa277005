// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"path/filepath"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/lastgood"
)

// stateDir is where a cluster that keeps its world keeps it.
func (c *cluster) stateDir() string { return filepath.Join(c.w.lab.Dir, "state-"+c.tag) }

// kept waits until the world on the cluster's disk has what all others that serve offer,
// as it is now.
func (c *cluster) kept() {
	c.w.t.Helper()
	c.w.until("the world of "+c.tag+" is kept", func() bool {
		saved, err := lastgood.Load(c.stateDir(), gslb.GeoTag(c.tag))
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
