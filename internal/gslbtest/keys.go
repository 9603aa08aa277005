// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
	"github.com/meridian-gslb/meridian/peers"
)

// peerKeys makes the keys of a process.
func (p *process) peerKeys() []peers.Key {
	var out []peers.Key
	for _, name := range p.keys {
		out = append(out, peers.Key{Key: tsigkey.FromSecret(name, "hmac-sha256", []byte("0123456789abcdef0123456789abcdef"))})
	}
	return out
}

// verifies says whether one process knows the key that another signs with.
func (p *process) verifies(by *process) bool { return slices.Contains(p.keys, by.keys[0]) }

// understands says whether two processes can speak to each other.
func (p *process) understands(q *process) bool { return p.verifies(q) && q.verifies(p) }

// apart says whether a process that runs in a cluster does not understand one here. The
// lock is held.
func (p *process) apart(y *cluster) bool {
	return slices.ContainsFunc(y.running(), func(q *process) bool { return !p.understands(q) })
}

// refuses says whether every process of a cluster answers, that it does not know our key,
// on roads that are open. The lock is held.
func (o *oracle) refuses(p *process, y *cluster) bool {
	n, all := &o.s.net, y.running()
	if len(all) == 0 || p.frozen || n.silent(p.c.tag, y.tag) || n.at(p.c.tag, y.tag).closed || !o.told(p, y) {
		return false
	}
	return !slices.ContainsFunc(all, func(q *process) bool { return q.frozen || q.verifies(p) })
}

// wronglySigned: who refuses our key lives (agreement.md §4).
func (o *oracle) wronglySigned(p *process, now time.Time) {
	for tag := range o.s.clusters {
		if c := p.view.world.Cluster(tag); c != nil && c.Liveness == gslb.Lost && held(p.view.refused[tag], boundLost, now) {
			o.fail(invRefused, p, "%s is lost, and refuses our key for %v", tag, now.Sub(p.view.refused[tag]))
		}
	}
}
