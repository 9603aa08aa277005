// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"net/netip"
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
	r.forgetOwn()
	r.know(r.x.cfg.Self)
	r.arrange()
}

// forgetOwn forgets which addresses are ourselves that nobody tells any more.
func (r *readers) forgetOwn() {
	all := r.callable()
	for addr := range r.own {
		if !slices.Contains(all, addr) {
			delete(r.own, addr)
		}
	}
}

// foundNamesakes takes the addresses at which the edge has our own name server. Those
// that we do not publish are another cluster's with our geo tag, whom a call tells of us
// and us of it, or an instance's of ours that knows more, or old. The lock is held.
func (r *readers) foundNamesakes(zone gslb.Name, addrs []netip.Addr) {
	var ours []netip.Addr
	if r.world != nil {
		if z := r.world.Zone(zone); z != nil {
			ours = z.Addrs
		}
	}
	var others []string
	for _, a := range addrs {
		if len(ours) > 0 && a.IsValid() && !slices.Contains(ours, a) {
			others = append(others, netip.AddrPortFrom(a, r.x.cfg.Port).String())
		}
	}
	slices.Sort(others)
	r.namesakes[zone] = others
	r.forgetOwn()
	if len(others) > 0 {
		r.know(r.x.cfg.Self)
	}
}

// callable gives the addresses under our own geo tag, our own among them. The lock is held.
func (r *readers) callable() []string {
	all := slices.Clone(r.replicas)
	for _, addrs := range r.namesakes {
		all = append(all, addrs...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// replicaAddrs gives where other instances of ours are called, and who has our name
// server at the edge besides us. The lock is held.
func (r *readers) replicaAddrs() []string {
	var out []string
	for _, a := range r.callable() {
		if !r.own[a] && len(out) < maxAddrsPerPeer {
			out = append(out, a)
		}
	}
	return out
}

// hasReplicas reports that other instances of ours are to be called. The lock is held,
// or nobody else is there yet.
func (r *readers) hasReplicas() bool {
	return len(r.x.cfg.Static[r.x.cfg.Self]) > 0 || len(r.callable()) > 0
}

// replicaAnswered notes an answer under our own geo tag. One of ourselves tells that
// the address is our own: nothing is to be learnt there.
func (r *readers) replicaAnswered(instance, addr string) {
	if instance != r.x.cfg.Instance {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.callable(), addr) && !r.own[addr] {
		r.own[addr] = true
		r.arrange()
	}
}

// ours reports that a tag is that of this cluster.
func (r *readers) ours(tag gslb.GeoTag) bool { return tag == r.x.cfg.Self }
