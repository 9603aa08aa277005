// SPDX-License-Identifier: Apache-2.0

package zoneout_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
)

// story is a zone that changes at random, in everything that stands in a zone:
// hosts of two clusters, wildcards, a host at the apex, static records of many
// types, delegations with and without glue, and a zone of ours below.
type story struct {
	*publisher
	rand    *rand.Rand
	records map[int]gslb.Record
	below   bool
}

var storyNames = []string{"a", "b", "c.d", "d", "*.w", "e.w", "f.g.h", "sub", "x.sub", "ns.sub", "y.x.sub", "*.sub"}

func (s *story) name() string {
	if s.rand.IntN(12) == 0 {
		return cloud
	}
	return storyNames[s.rand.IntN(len(storyNames))] + "." + cloud
}

func (s *story) addrs(format string) []string {
	var out []string
	for range s.rand.IntN(4) {
		if a := fmt.Sprintf(format, s.rand.IntN(6)+1); !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

func (s *story) record() gslb.Record {
	kinds := []struct {
		typ  uint16
		data string
	}{
		{dns.TypeA, "203.0.113.%d"}, {dns.TypeAAAA, "2001:db8:5::%d"}, {dns.TypeTXT, `"text %d"`},
		{dns.TypeMX, "%d mail." + cloud + "."}, {dns.TypeNS, "ns.sub." + cloud + "."}, {dns.TypeNS, "ns%d.example.net."},
		{dns.TypeCNAME, "a." + cloud + "."}, {dns.TypeSRV, "0 0 %d a." + cloud + "."},
		{dns.TypeCAA, `0 issue "ca%d.example.net"`}, {65400, `\# 2 ab0%d`},
	}
	k := kinds[s.rand.IntN(len(kinds))]
	data := k.data
	if fmt.Sprintf(data, 1) != fmt.Sprintf(data, 2) {
		data = fmt.Sprintf(data, s.rand.IntN(4)+1)
	}
	return gslb.Record{Name: gslb.MustName(s.name()), Type: k.typ, TTL: uint32(60 * (1 + s.rand.IntN(2))), Data: data}
}

// step changes one to three things and publishes.
func (s *story) step() {
	for range 1 + s.rand.IntN(3) {
		switch s.rand.IntN(8) {
		case 0, 1, 2:
			h := dnstest.Host{Name: s.name(), Addrs: s.addrs("192.0.2.%d"), Policy: gslb.Policy{TTL: uint32(20 + 10*s.rand.IntN(2))}}
			if s.rand.IntN(2) == 0 {
				h.Others = map[string][]string{"us": append(s.addrs("198.51.100.%d"), s.addrs("2001:db8:1::%d")...)}
			}
			s.worlds.Set(h)
		case 3:
			s.worlds.Remove(s.name())
		case 4, 5:
			s.records[s.rand.IntN(12)] = s.record()
			s.setZones()
		case 6:
			delete(s.records, s.rand.IntN(12))
			s.setZones()
		default:
			if s.rand.IntN(4) == 0 {
				s.below = !s.below
				s.setZones()
			}
		}
	}
	time.Sleep(1100 * time.Millisecond) // of virtual time: serials move once a second
	s.publish()
}

func (s *story) setZones() {
	z := dnstest.Zone(cloud)
	for i := range 12 {
		if r, ok := s.records[i]; ok {
			z.Records = append(z.Records, r)
		}
	}
	zones := []gslb.ZoneIntent{z}
	if s.below {
		zones = append(zones, dnstest.Zone("sub."+cloud))
	}
	s.worlds.SetZones(zones...)
}

// TestWhoFollowsByDifferencesHasTheZone: whatever changes, and however seldom a
// secondary comes, the differences that it gets make of what it has exactly the
// zone that another one gets as a whole, under one serial.
func TestWhoFollowsByDifferencesHasTheZone(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { follow(t, seed, 150) })
		})
	}
}

func follow(t *testing.T, seed uint64, steps int) {
	server := newServer(t)
	s := &story{
		publisher: &publisher{t: t, worlds: dnstest.NewWorlds(t, cloud), server: server},
		rand:      rand.New(rand.NewPCG(seed, 1)), records: make(map[int]gslb.Record),
	}
	s.worlds.Set(many(60)...) // which stay, so that differences are shorter than the zone
	s.step()
	type follower struct {
		secondary
		every   int
		have    content
		serial  uint32
		by, all int
	}
	var followers []*follower
	for i, every := range []int{1, 3, 17} {
		f := &follower{secondary: secondary{t: t, server: server, key: key, from: netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}), 53)}, every: every}
		f.have, f.serial = whole(t, f.axfr(cloud).records)
		followers = append(followers, f)
	}
	for n := range steps {
		s.step()
		want, serial := whole(t, (&secondary{t: t, server: server, from: near}).axfr(cloud).records)
		for _, f := range followers {
			if n%f.every != 0 {
				continue
			}
			before := f.serial
			a := f.ixfr(cloud, f.serial)
			var by bool
			f.have, f.serial, by = apply(t, f.have, f.serial, a.records)
			require.Equal(t, serial, f.serial)
			require.Equal(t, want, f.have, "step %d, from serial %d to %d", n, before, serial)
			if f.all++; by {
				f.by++
			}
			if before == serial {
				continue
			}
			stranger := &secondary{t: t, server: server, key: other, from: netip.AddrPortFrom(f.from.Addr(), uint16(n))}
			if stranger.ixfr(cloud, before); n == 0 { // it has what it was given from now on
				got, _ := whole(t, (&secondary{t: t, server: server, key: other, from: far}).ixfr(cloud, before).records)
				assert.Equal(t, want, got, "a serial that was handed to somebody else")
			}
		}
	}
	for _, f := range followers {
		assert.Greater(t, f.by, f.all/2, "most of the time by differences (every %d)", f.every)
	}
}
