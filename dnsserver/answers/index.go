// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"hash/maphash"
	"iter"
)

// shardBits bounds what a change copies: 1/512 of the names.
const shardBits = 9

// index finds nodes by wire name. It is copied on write, shard by shard, so
// that Tables share what did not change; a shard is an open-addressed hash
// table that is never changed once it is in an index.
type index struct {
	seed   maphash.Seed
	len    int
	shards [1 << shardBits]shard
}

// shard lies in the index itself, so that a lookup waits for memory once less.
type shard struct {
	len   int
	slots []slot // a power of two, at most half full; nil: empty
}

type slot struct {
	hash uint64
	node *node // nil: free
}

func newIndex() *index { return &index{seed: maphash.MakeSeed()} }

// get gives the node of a wire name in lower case; nil if there is none.
func (x *index) get(name []byte) *node {
	h := maphash.Bytes(x.seed, name)
	s := &x.shards[h>>(64-shardBits)]
	if s.slots == nil {
		return nil
	}
	mask := uint64(len(s.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch at := &s.slots[i]; {
		case at.node == nil:
			return nil
		case at.hash == h && at.node.key == string(name):
			return at.node
		}
	}
}

// with gives a copy in which the given nodes are set, or removed where nil.
func (x *index) with(changes map[string]*node) *index {
	next := *x
	byShard := make(map[uint64][]string)
	for key := range changes {
		i := maphash.String(x.seed, key) >> (64 - shardBits)
		byShard[i] = append(byShard[i], key)
	}
	for i, keys := range byShard {
		old := next.shards[i]
		next.shards[i] = old.with(x.seed, keys, changes)
		next.len += next.shards[i].len - old.len
	}
	return &next
}

// with copies a shard; keys are those of the changes that belong to it.
func (s shard) with(seed maphash.Seed, keys []string, changes map[string]*node) shard {
	room := 4
	for room < 2*(s.len+len(keys)) {
		room *= 2
	}
	next := shard{slots: make([]slot, room)}
	for _, at := range s.slots {
		if at.node == nil {
			continue
		}
		if _, replaced := changes[at.node.key]; !replaced {
			next.put(at)
		}
	}
	for _, key := range keys {
		if n := changes[key]; n != nil {
			next.put(slot{maphash.String(seed, key), n})
		}
	}
	if next.len == 0 {
		return shard{}
	}
	return next
}

func (s *shard) put(new slot) {
	mask := uint64(len(s.slots) - 1)
	i := new.hash & mask
	for s.slots[i].node != nil {
		i = (i + 1) & mask
	}
	s.slots[i] = new
	s.len++
}

// all walks the nodes in no particular order.
func (x *index) all() iter.Seq[*node] {
	return func(yield func(*node) bool) {
		for i := range x.shards {
			for _, at := range x.shards[i].slots {
				if at.node != nil && !yield(at.node) {
					return
				}
			}
		}
	}
}
