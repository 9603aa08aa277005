// SPDX-License-Identifier: Apache-2.0

package observe

import "github.com/meridian-gslb/meridian/gslb"

// unsoughtNow tells when nobody can say which other clusters there are, and when that
// is over.
func (c *Changes) unsoughtNow(w *gslb.World) {
	switch is := w.Ready && !w.Unsought.IsZero(); {
	case is && !c.unsought:
		c.unsought = true
		c.log.Warn("which other clusters there are is not known; names that this cluster does not know get SERVFAIL",
			"do", "see whether the edge zone can be read; --peers and --state-dir do without it")
	case !is && c.unsought:
		c.unsought = false
		c.log.Info("names that nobody is known to offer are denied again")
	}
}
