// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

const discoverTimeout = 10 * time.Second

// DelegationChanged asks for the name servers at the edge to be read again soon:
// our own delegation changed there, or is about to. It never blocks.
func (x *Exchange) DelegationChanged() {
	select {
	case x.moved <- struct{}{}:
	default:
	}
}

// discover reads the name servers of every zone at the edge: at the start and when
// told at once, and then after longer and longer pauses until it is once a minute.
// Clusters that start together, or a peer that called us before its delegation was
// written, appear at the edge a moment after they were looked for. What was found
// once is kept while the edge does not answer, and when it does not list a peer
// any more. The pauses stay short while a peer calls us whose address nobody tells.
func (x *Exchange) discover(ctx context.Context) {
	wait := discoverSoon
	next := time.NewTimer(discoverEvery)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.moved:
			wait = discoverSoon
		case <-next.C:
		}
		if w := x.world.Load(); w != nil {
			for i := range w.Zones {
				x.discoverZone(ctx, &w.Zones[i])
			}
		}
		most := discoverEvery
		if x.readers.lacksAddress() {
			most = discoverMissing
		}
		wait = min(wait, most)
		next.Reset(wait)
		wait = min(2*wait, most)
	}
}

func (x *Exchange) discoverZone(ctx context.Context, z *gslb.Zone) {
	asking, cancel := context.WithTimeout(ctx, discoverTimeout)
	defer cancel()
	servers, err := x.cfg.Discover(asking, *z)
	if ctx.Err() != nil {
		return
	}
	key := "discover " + z.Zone.String()
	if err != nil {
		x.metrics.discoveries.WithLabelValues("failed").Inc()
		if x.noises.start(key) {
			x.log.Warn("name servers at the edge cannot be read, known peers are kept", "zone", z.Zone, "error", err)
		}
		return
	}
	x.metrics.discoveries.WithLabelValues("done").Inc()
	if x.noises.end(key) {
		x.log.Info("name servers at the edge are read again", "zone", z.Zone)
	}
	x.readers.found(z.Zone, addrsByTag(servers, z))
}

// addrsByTag groups name servers by the cluster that their name tells. Those of
// other forms are not ours.
func addrsByTag(servers []gslb.NameServer, z *gslb.Zone) map[gslb.GeoTag][]netip.Addr {
	out := make(map[gslb.GeoTag][]netip.Addr)
	for _, ns := range servers {
		if tag, ok := tagOf(ns.Name, z); ok {
			out[tag] = append(out[tag], ns.Addrs...)
		}
	}
	return out
}

// tagOf finds the geo tag for which [gslb.NameServerName] gives this name.
func tagOf(n gslb.Name, z *gslb.Zone) (gslb.GeoTag, bool) {
	const mark = "x" // any tag shows what stands before and behind it
	pattern, err := gslb.NameServerName(mark, z.Zone, z.EdgeZone)
	if err != nil {
		return "", false
	}
	before, behind, _ := strings.Cut(pattern.String(), "-"+mark+"-")
	s, ok := strings.CutPrefix(n.String(), before+"-")
	if !ok {
		return "", false
	}
	if s, ok = strings.CutSuffix(s, "-"+behind); !ok {
		return "", false
	}
	tag, err := gslb.ParseGeoTag(s)
	if err != nil {
		return "", false
	}
	back, err := gslb.NameServerName(tag, z.Zone, z.EdgeZone)
	return tag, err == nil && back == n
}
