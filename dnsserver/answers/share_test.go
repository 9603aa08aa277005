// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// worlds gives the World of n hosts, and one in which one of them differs.
func worlds(t testing.TB, n int) (before, after *gslb.World) {
	t.Helper()
	store, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id", Settle: time.Millisecond})
	require.NoError(t, err)
	store.SetZones([]gslb.ZoneIntent{{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com"), NegTTL: 30}})
	offer := func(i int, last byte) {
		name := gslb.MustName(fmt.Sprintf("app%d.cloud.example.com", i))
		o := &gslb.Offer{Host: name, Policy: gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30}}
		for k := range byte(4) {
			o.Entries = append(o.Entries, gslb.Entry{Addr: netip.AddrFrom4([4]byte{10, k, byte(i >> 8), last}), Health: gslb.Healthy})
		}
		store.SetObject(gslb.Source{Kind: "Gslb", Name: name.String()}, []*gslb.Offer{o})
	}
	for i := range n {
		offer(i, byte(i))
	}
	seen := make(chan *gslb.World, 8)
	store.OnWorld(func(w *gslb.World) { seen <- w })
	store.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
	go func() { _ = store.Run(t.Context()) }()
	before = <-seen
	require.Equal(t, n, before.Len())
	offer(0, 250)
	after = <-seen
	changed := 0
	for range after.Changed(before) {
		changed++
	}
	require.Equal(t, 1, changed)
	return before, after
}

func TestOneChangeSharesTheRest(t *testing.T) {
	before, after := worlds(t, 2000)
	old, err := Build(nil, before)
	require.NoError(t, err)
	next, err := Build(old, after)
	require.NoError(t, err)
	same, differ := 0, 0
	for i := range old.index.shards {
		if unsafe.SliceData(old.index.shards[i].slots) == unsafe.SliceData(next.index.shards[i].slots) {
			same++
		} else {
			differ++
		}
	}
	assert.Equal(t, 1, differ, "one host lies in one shard; its parent did not change")
	assert.Equal(t, len(old.index.shards)-1, same)
	assert.Equal(t, old.index.len, next.index.len)

	serial := *after
	serial.Zones = []gslb.Zone{after.Zones[0]}
	serial.Zones[0].Serial++
	moved, err := Build(next, &serial)
	require.NoError(t, err)
	assert.Same(t, next.index, moved.index, "a serial alone touches no name")
	assert.NotEqual(t, next.zones[0].soa.wire, moved.zones[0].soa.wire)
	again, err := Build(moved, &serial)
	require.NoError(t, err)
	assert.Same(t, moved.zones[0], again.zones[0], "an apex that did not change is not packed again")
}

// The octets of a name can lie within a label of the zone: that is no place for
// a pointer.
func TestNamesAreCompressedAtLabelsOnly(t *testing.T) {
	tail := strings.Repeat("b", '-')
	z := gslb.Zone{ZoneIntent: gslb.ZoneIntent{Zone: gslb.MustName("aaa-" + tail + ".example.com")}}
	for _, server := range []string{tail + ".example.com", "x." + z.Zone.String(), "ns.example.com", "ns.example.org"} {
		z.NameServers = []gslb.NameServer{{Cluster: "eu", Name: gslb.MustName(server)}}
		packed, err := newZone(nil, &z, "eu", -1, Builder{MaxTTL: 60}, newTallies())
		require.NoError(t, err)
		query := new(dns.Msg).SetQuestion(z.Zone.FQDN(), dns.TypeNS)
		msg, err := query.Pack()
		require.NoError(t, err)
		msg, n := packed.ns.append(msg, headerSize, headerSize)
		msg[7] = byte(n)
		got := new(dns.Msg)
		require.NoError(t, got.Unpack(msg))
		assert.Equal(t, server+".", got.Answer[0].(*dns.NS).Ns)
		assert.Equal(t, z.Zone.FQDN(), got.Answer[0].Header().Name)
		for _, ptr := range packed.ns.ptrs {
			assert.True(t, packed.labelAt(ptr.into), "%s points into a label", server)
		}
	}
}

func TestBuildNeedsAWorld(t *testing.T) {
	_, err := Build(nil, nil)
	assert.EqualError(t, err, "a table needs a world")
}

func BenchmarkBuildAll10000(b *testing.B) {
	before, _ := worlds(b, 10_000)
	for b.Loop() {
		if _, err := Build(nil, before); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuildOneChangeOf10000(b *testing.B) {
	before, after := worlds(b, 10_000)
	old, err := Build(nil, before)
	require.NoError(b, err)
	for b.Loop() {
		if _, err := Build(old, after); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	before, _ := worlds(b, 10_000)
	t, err := Build(nil, before)
	require.NoError(b, err)
	for _, c := range []struct{ name, host string }{
		{"answer", "app77.cloud.example.com"}, {"nxdomain", "absent.cloud.example.com"}, {"refused", "www.example.org"},
	} {
		b.Run(c.name, func(b *testing.B) {
			name := []byte(wireName(gslb.MustName(c.host)))
			msg := make([]byte, 0, 512)
			for b.Loop() {
				f := t.Find(name, 1)
				msg, _ = f.AppendAnswer(msg[:0], 42)
				msg, _ = f.AppendAuthority(msg)
			}
		})
	}
}

func TestFindDoesNotAllocate(t *testing.T) {
	before, _ := worlds(t, 100)
	table, err := Build(nil, before)
	require.NoError(t, err)
	msg := make([]byte, 0, 512)
	for _, host := range []string{"app7.cloud.example.com", "x.app7.cloud.example.com", "absent.cloud.example.com", "www.example.org"} {
		name := []byte(wireName(gslb.MustName(host)))
		assert.Zero(t, testing.AllocsPerRun(100, func() {
			f := table.Find(name, 1)
			msg, _ = f.AppendAnswer(msg[:0], 42)
			msg, _ = f.AppendAuthority(msg)
		}), host)
	}
}

// A static record that changes touches its name, and a host that changes touches
// no static record.
func TestStaticRecordsAreSharedToo(t *testing.T) {
	before, after := worlds(t, 200)
	with := func(w *gslb.World, ttl uint32) *gslb.World {
		next := *w
		next.Zones = slices.Clone(w.Zones)
		set := func(name string, rrtype uint16, ttl uint32, data ...string) gslb.RecordSet {
			return gslb.RecordSet{Name: gslb.MustName(name), Type: rrtype, TTL: ttl, Data: data}
		}
		next.Zones[0].Static = &gslb.Records{Sets: []gslb.RecordSet{
			set("a.cloud.example.com", dns.TypeTXT, ttl, `"a"`),
			set("b.cloud.example.com", dns.TypeTXT, 60, `"b"`),
			set("sub.cloud.example.com", dns.TypeNS, 60, "ns.x.sub.cloud.example.com."),
			set("ns.x.sub.cloud.example.com", dns.TypeA, 60, "192.0.2.61"),
		}}
		return &next
	}
	node := func(x *Table, name string) *node { return x.index.get([]byte(wireName(gslb.MustName(name)))) }
	first := with(before, 60)
	old, err := Build(nil, first)
	require.NoError(t, err)
	hostMoved := *after
	hostMoved.Zones = first.Zones
	next, err := Build(old, &hostMoved)
	require.NoError(t, err)
	assert.Same(t, old.statics[0], next.statics[0], "the same Records are not looked at again")
	assert.Same(t, node(old, "a.cloud.example.com"), node(next, "a.cloud.example.com"))

	moved := with(&hostMoved, 61)
	last, err := Build(next, moved)
	require.NoError(t, err)
	assert.NotSame(t, node(next, "a.cloud.example.com"), node(last, "a.cloud.example.com"))
	for _, name := range []string{"b", "sub", "ns.x.sub", "x.sub", "app0", "app1"} {
		assert.Same(t, node(next, name+".cloud.example.com"), node(last, name+".cloud.example.com"), name)
	}
	cut := node(last, "sub.cloud.example.com").cut
	require.NotNil(t, cut)
	for _, name := range []string{"x.sub", "ns.x.sub"} {
		assert.Same(t, cut, node(last, name+".cloud.example.com").cut, "%s lies below the cut", name)
	}

	gone := *moved
	gone.Zones = slices.Clone(moved.Zones)
	gone.Zones[0].Static = nil
	bare, err := Build(last, &gone)
	require.NoError(t, err)
	for _, name := range []string{"a", "b", "sub", "ns.x.sub", "x.sub"} {
		assert.Nil(t, node(bare, name+".cloud.example.com"), name)
	}
	assert.Equal(t, 201, bare.Len())
}

func BenchmarkBuildOneRecordOf2048(b *testing.B) {
	before, _ := worlds(b, 1000)
	with := func(ttl uint32) *gslb.World {
		next := *before
		next.Zones = slices.Clone(before.Zones)
		next.Zones[0].Static = new(gslb.Records)
		for i := range 2048 {
			set := gslb.RecordSet{Name: gslb.MustName(fmt.Sprintf("r%04d.cloud.example.com", i)), Type: dns.TypeTXT, TTL: 60, Data: []string{`"x"`}}
			if i == 0 {
				set.TTL = ttl
			}
			next.Zones[0].Static.Sets = append(next.Zones[0].Static.Sets, set)
		}
		return &next
	}
	one, two := with(60), with(61)
	old, err := Build(nil, one)
	require.NoError(b, err)
	for b.Loop() {
		if _, err := Build(old, two); err != nil {
			b.Fatal(err)
		}
	}
}
