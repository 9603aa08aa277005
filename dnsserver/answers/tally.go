// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// TallyShards is how many goroutines can count beside each other without waiting
// for one another's processor.
const TallyShards = 16

// maxTallies bounds how many sets of clusters are told apart; an answer that
// holds entries of yet another set counts for [SeveralClusters].
const maxTallies = 4096

// SeveralClusters stands for sets of clusters that are too many to be told apart.
const SeveralClusters gslb.GeoTag = "(several)"

// Tally counts the answers of one kind that were given out: by zone, kind, and
// the clusters whose entries were in them. One answer is counted in one tally,
// so that counting costs one addition. Safe for concurrent use.
type Tally struct {
	Zone     gslb.Name
	Kind     Kind
	Clusters []gslb.GeoTag // sorted; nil: no entries of a cluster (apexes, fallbacks, negative answers)

	shards [TallyShards]struct {
		n atomic.Uint64
		_ [56]byte // a cache line of its own
	}
}

// Count adds up all shards.
func (t *Tally) Count() uint64 {
	var n uint64
	for i := range t.shards {
		n += t.shards[i].n.Load()
	}
	return n
}

// Count notes that what was found was answered. given says that its records
// were: they are not in an answer that was truncated. shard, below TallyShards,
// is the caller's own as far as there are enough.
func (f *Found) Count(shard int, given bool) {
	t := f.tally
	if t == nil || !given {
		if f.zone == nil {
			return
		}
		t = f.zone.tallies[f.Kind]
	}
	t.shards[shard].n.Add(1)
}

// Tallies gives what was counted in the zones of the Table, also by Tables
// before it, in no particular order.
func (t *Table) Tallies() []*Tally {
	all := t.tallies.list()
	return slices.DeleteFunc(all, func(c *Tally) bool { return t.zone(c.Zone) < 0 })
}

// tallies holds every Tally of a row of Tables, so that numbers go on from one to
// the next.
type tallies struct {
	mu  sync.Mutex
	all map[tallyKey]*Tally
}

type tallyKey struct {
	zone     gslb.Name
	kind     Kind
	clusters string
}

func newTallies() *tallies { return &tallies{all: make(map[tallyKey]*Tally)} }

// of gives the tally of sorted clusters.
func (x *tallies) of(zone gslb.Name, kind Kind, clusters []gslb.GeoTag) *Tally {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := tallyKey{zone, kind, joinTags(clusters)}
	if t := x.all[key]; t != nil {
		return t
	}
	if len(x.all) >= maxTallies && len(clusters) > 1 {
		clusters = []gslb.GeoTag{SeveralClusters}
		key.clusters = string(SeveralClusters)
		if t := x.all[key]; t != nil {
			return t
		}
	}
	t := &Tally{Zone: zone, Kind: kind, Clusters: slices.Clone(clusters)}
	x.all[key] = t
	return t
}

func (x *tallies) list() []*Tally {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]*Tally, 0, len(x.all))
	for _, t := range x.all {
		out = append(out, t)
	}
	return out
}

func joinTags(tags []gslb.GeoTag) string {
	if len(tags) == 1 {
		return string(tags[0])
	}
	var b strings.Builder
	for _, t := range tags {
		b.WriteString(string(t))
		b.WriteByte(' ')
	}
	return b.String()
}

// tallier gives the tallies of one host's answers.
type tallier struct {
	all    *tallies
	zone   gslb.Name
	owners []owned // entries in the decision, by address
}

type owned struct {
	addr    netip.Addr
	cluster gslb.GeoTag
}

func newTallier(all *tallies, zone gslb.Name, d *strategies.Decision) *tallier {
	t := &tallier{all: all, zone: zone, owners: make([]owned, 0, len(d.Entries))}
	for _, e := range d.Entries {
		if e.In {
			t.owners = append(t.owners, owned{e.Addr, e.Cluster})
		}
	}
	slices.SortFunc(t.owners, func(a, b owned) int {
		return cmp.Or(a.addr.Compare(b.addr), cmp.Compare(a.cluster, b.cluster))
	})
	return t
}

// share gives the tallies of a share: one for each place in the ring at which an
// answer can begin, or a single one where that makes no difference.
func (t *tallier) share(addrs []netip.Addr, window int) []*Tally {
	n := len(addrs)
	if window == n {
		return []*Tally{t.of(addrs)}
	}
	out := make([]*Tally, n)
	same := true
	for i := range out {
		turn := make([]netip.Addr, window)
		for j := range turn {
			turn[j] = addrs[(i+j)%n]
		}
		out[i] = t.of(turn)
		same = same && out[i] == out[0]
	}
	if same {
		return out[:1]
	}
	return out
}

// of gives the tally of an answer.
func (t *tallier) of(addrs []netip.Addr) *Tally {
	var clusters []gslb.GeoTag
	for _, a := range addrs {
		i, _ := slices.BinarySearchFunc(t.owners, a, func(o owned, a netip.Addr) int { return o.addr.Compare(a) })
		for ; i < len(t.owners) && t.owners[i].addr == a; i++ {
			if c := t.owners[i].cluster; !slices.Contains(clusters, c) {
				clusters = append(clusters, c)
			}
		}
	}
	slices.Sort(clusters)
	return t.all.of(t.zone, Answer, clusters)
}
