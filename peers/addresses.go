// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"net/netip"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// Bounds of what is read from whom.
const (
	maxAddrsPerPeer = 8
	relaysPerPeer   = 2
)

// callsFrom keeps where a peer says that it is called.
func (r *readers) callsFrom(tag gslb.GeoTag, at []netip.Addr) *peer {
	r.mu.Lock()
	defer r.mu.Unlock()
	news := len(at) > 0 && !slices.Equal(at, r.told[tag]) && (r.peers[tag] != nil || len(r.peers) < maxPeers)
	if news {
		r.told[tag] = at
	}
	p := r.know(tag)
	if r.foreign[tag] {
		delete(r.foreign, tag)
		news = true
	}
	if p != nil && news {
		r.arrange()
	}
	return p
}

// tellUnreachable says, once, that a peer calls us that we cannot call: nobody
// tells its address.
func (r *readers) tellUnreachable(tag gslb.GeoTag) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := "address of " + string(tag)
	if len(r.addrs(tag)) > 0 {
		r.x.noises.end(key)
		return
	}
	if r.x.noises.start(key) {
		r.x.log.Warn("peer calls us and its address is not known, so its report is not read: give --peers TAG=HOST:PORT, or an edge where its name server is listed", "peer", tag)
	}
}

// found takes the name servers that the edge has for a zone.
func (r *readers) found(zone gslb.Name, servers map[gslb.GeoTag][]netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.foundNamesakes(zone, servers[r.x.cfg.Self])
	for tag, addrs := range servers {
		if len(addrs) == 0 || tag == r.x.cfg.Self || r.peers[tag] == nil && len(r.peers) == maxPeers {
			continue
		}
		if r.discovered[tag] == nil {
			r.discovered[tag] = make(map[gslb.Name][]netip.Addr)
		}
		r.discovered[tag][zone] = addrs
		r.know(tag)
	}
	r.arrange()
}

// addrs gives where a peer is called: where the operator says, else wherever it
// was found.
func (r *readers) addrs(tag gslb.GeoTag) []string {
	if s, ok := r.x.cfg.Static[tag]; ok {
		return s
	}
	if r.foreign[tag] {
		return nil
	}
	if r.ours(tag) {
		return r.replicaAddrs()
	}
	all := slices.Concat(r.reported[tag], r.told[tag])
	for _, addrs := range r.discovered[tag] {
		all = append(all, addrs...)
	}
	slices.SortFunc(all, netip.Addr.Compare)
	var out []string
	for _, a := range slices.Compact(all) {
		if a.IsValid() && !a.IsUnspecified() && len(out) < maxAddrsPerPeer {
			out = append(out, netip.AddrPortFrom(a, r.x.cfg.Port).String())
		}
	}
	return out
}

// lacksAddress reports that a peer called us of late and nobody tells its address.
func (r *readers) lacksAddress() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for tag, p := range r.peers {
		if !r.ours(tag) && !r.foreign[tag] && len(r.addrs(tag)) == 0 && p.heard.within(discoverEvery, now) {
			return true
		}
	}
	return false
}
