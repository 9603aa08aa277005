// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meridian-gslb/meridian/gslb"
)

// fates tells of clusters that need others for a host, and of those that fail together.
func fates(w *gslb.World, h *gslb.Host) []string {
	var out []string
	for i := range h.Parts {
		if needs := w.Needs(&h.Parts[i]); len(needs) > 0 {
			out = append(out, fmt.Sprintf("no backend of cluster %s itself is ready: it needs %s", h.Parts[i].Cluster, strings.Join(needs, " or ")))
		}
	}
	shared := w.SharedFate(h)
	for _, domain := range slices.Sorted(maps.Keys(shared)) {
		out = append(out, fmt.Sprintf("clusters %s fail together: they stand or fall with %s", joinTags(shared[domain]), domain))
	}
	return out
}
