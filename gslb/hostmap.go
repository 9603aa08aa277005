// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"hash/maphash"
	"iter"
	"maps"
)

// hostShards bounds what a change copies: one shard, 1/512 of the hosts.
const hostShards = 512

var hostSeed = maphash.MakeSeed()

// hostMap is a map that is copied on write, shard by shard, so that Worlds
// share what did not change. The zero value is empty.
type hostMap struct {
	shards [hostShards]*hostShard // nil: empty
}

type hostShard struct{ hosts map[Name]*Host }

func (s *hostShard) all() map[Name]*Host {
	if s == nil {
		return nil
	}
	return s.hosts
}

func shardOf(n Name) int { return int(maphash.String(hostSeed, n.s) % hostShards) }

func (m *hostMap) get(n Name) *Host { return m.shards[shardOf(n)].all()[n] }

func (m *hostMap) len() int {
	sum := 0
	for _, s := range m.shards {
		sum += len(s.all())
	}
	return sum
}

// with gives a copy in which the given hosts are set, or removed where nil.
func (m *hostMap) with(changes map[Name]*Host) hostMap {
	next := *m
	copied := make(map[int]bool, len(changes))
	for n, h := range changes {
		i := shardOf(n)
		if !copied[i] {
			copied[i] = true
			old := next.shards[i].all()
			fresh := make(map[Name]*Host, len(old)+1)
			maps.Copy(fresh, old)
			next.shards[i] = &hostShard{fresh}
		}
		if h == nil {
			delete(next.shards[i].hosts, n)
		} else {
			next.shards[i].hosts[n] = h
		}
	}
	return next
}

// changed walks the names that differ from old.
func (m *hostMap) changed(old hostMap) iter.Seq[Name] {
	return func(yield func(Name) bool) {
		for i := range m.shards {
			if m.shards[i] == old.shards[i] {
				continue
			}
			now, then := m.shards[i].all(), old.shards[i].all()
			for n, h := range now {
				if then[n] != h && !yield(n) {
					return
				}
			}
			for n := range then {
				if _, ok := now[n]; !ok && !yield(n) {
					return
				}
			}
		}
	}
}
