// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"log/slog"

	"github.com/meridian-gslb/meridian/gslb"
)

type clusterState struct {
	liveness gslb.Liveness
	conflict string
	unread   bool
}

// takeClusters tells what becomes of clusters: who is heard, doubtful, vouched for
// and by whom, lost or gone; and whether we are cut off ourselves.
func (c *Changes) takeClusters(w *gslb.World) {
	for i := range w.Clusters {
		k := &w.Clusters[i]
		was := c.clusters[k.Tag]
		c.clusters[k.Tag] = clusterState{k.Liveness, k.Conflict, !k.Unread.IsZero()}
		switch {
		case k.Conflict != "" && was.conflict == "":
			c.log.Error("geo tag is used twice", "geo_tag", string(k.Tag), "conflict", k.Conflict)
		case k.Conflict == "" && was.conflict != "":
			c.log.Info("geo tag is no longer used twice", "geo_tag", string(k.Tag))
		}
		if k.Liveness != gslb.Self && k.Liveness != was.liveness {
			c.tellLiveness(k, was.liveness)
		}
		switch unread := !k.Unread.IsZero(); {
		case unread && !was.unread:
			c.log.Warn("a cluster is heard and its report is not read, so what it said last counts", "peer", string(k.Tag), "since", k.Unread,
				"do", "let this cluster connect to TCP port 53 of its name servers, or both to a third cluster")
		case !unread && was.unread && k.Liveness == gslb.Fresh:
			c.log.Info("the report of a cluster is read again", "peer", string(k.Tag))
		}
	}
	c.takeHeld(w)
	c.unsoughtNow(w)
	switch isolated := !w.Isolated.IsZero(); {
	case isolated && !c.isolated:
		c.isolated = true
		c.log.Warn("this cluster is probably cut off, and keeps its last good answers", "since", w.Isolated)
	case !isolated && c.isolated:
		c.isolated = false
		c.log.Info("this cluster is not cut off any more")
	}
}

func (c *Changes) tellLiveness(k *gslb.Cluster, before gslb.Liveness) {
	c.moves.WithLabelValues(string(k.Tag), k.Liveness.String()).Inc()
	level := slog.LevelInfo
	if k.Liveness == gslb.Doubtful || k.Liveness == gslb.Vouched || k.Liveness == gslb.Lost {
		level = slog.LevelWarn
	}
	log := c.log
	if k.Witness.Kind != gslb.NoSighting {
		log = log.With("witness", k.Witness.Kind.String())
	}
	if k.Witness.By != "" {
		log = log.With("by", string(k.Witness.By))
	}
	log.Log(context.Background(), level, "liveness of a cluster changed", "peer", string(k.Tag), "liveness", k.Liveness.String(), "before", before.String())
}
