// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
)

// ReplicasAt says where the other instances of this cluster are called, HOST:PORT
// each; what is said replaces what was said before. Addresses of our own are found out
// and passed over. A static peer with our own geo tag is used instead of them.
func (x *Exchange) ReplicasAt(addrs []string) { x.readers.replicasAt(addrs) }

func (r *readers) replicasAt(addrs []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	addrs = slices.Compact(slices.Sorted(slices.Values(addrs)))
	if slices.Equal(addrs, r.replicas) {
		return
	}
	r.replicas = addrs
	for addr := range r.own {
		if !slices.Contains(addrs, addr) {
			delete(r.own, addr)
		}
	}
	r.know(r.x.cfg.Self)
	r.arrange()
}

// replicaAddrs gives where other instances of ours are called. The lock is held.
func (r *readers) replicaAddrs() []string {
	var out []string
	for _, a := range r.replicas {
		if !r.own[a] && len(out) < maxAddrsPerPeer {
			out = append(out, a)
		}
	}
	return out
}

// hasReplicas reports that other instances of ours are to be called. The lock is held,
// or nobody else is there yet.
func (r *readers) hasReplicas() bool {
	return len(r.x.cfg.Static[r.x.cfg.Self]) > 0 || len(r.replicas) > 0
}

// replicaAnswered notes an answer under our own geo tag. One of ourselves tells that
// the address is our own: nothing is to be learnt there.
func (r *readers) replicaAnswered(instance, addr string) {
	if instance != r.x.cfg.Instance {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.replicas, addr) && !r.own[addr] {
		r.own[addr] = true
		r.arrange()
	}
}

// ours reports that a tag is that of this cluster.
func (r *readers) ours(tag gslb.GeoTag) bool { return tag == r.x.cfg.Self }
