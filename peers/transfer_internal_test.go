// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

func testSigner(t testing.TB) *signer {
	t.Helper()
	s, err := newSigner(Key{Key: testKey()})
	require.NoError(t, err)
	return s
}

func testKey() *tsigkey.Key {
	return tsigkey.FromSecret("k", "hmac-sha256", []byte("0123456789abcdef0123456789abcdef"))
}

// randomZone makes a version of eu's report with some of many hosts.
func randomZone(t testing.TB, r *rand.Rand, serial uint32) *Zone {
	t.Helper()
	rep := &gslb.Report{Cluster: "eu", ClusterID: "x", Instance: "i", Zone: testZone, Serial: serial, Mark: uint64(r.IntN(3)), Offers: map[gslb.Name]*gslb.Offer{}}
	for i := range 80 {
		if r.IntN(3) == 0 {
			continue
		}
		n := gslb.MustName(fmt.Sprintf("h%d.%s", i, testZone))
		o := &gslb.Offer{Host: n, Policy: gslb.Policy{Strategy: gslb.RoundRobin, TTL: uint32(r.IntN(2))}}
		for e := range r.IntN(4) {
			o.Entries = append(o.Entries, gslb.Entry{Hostname: fmt.Sprintf("e%d", e+r.IntN(2)), Health: gslb.Health(r.IntN(2))})
		}
		rep.Offers[n] = o
	}
	z, err := Encode(rep)
	require.NoError(t, err)
	return z
}

// carry sends a version (an increment from old, if given) through the stream of
// an author into the transfer of a reader that has base.
func carry(t testing.TB, z, old, base *Zone, edit func(i int, m *dns.Msg)) (*transfer, error) {
	t.Helper()
	key := testSigner(t)
	ask := newBuilder(512, 7, 0, question(z.origin, dns.TypeIXFR), z.origin)
	have := soa{}
	if base != nil {
		have = base.soa()
	}
	ask.soa(authoritySection, have)
	c := &chain{key: key}
	raw, err := c.sign(ask.buf, stamp(time.Now()))
	require.NoError(t, err)
	m, err := parseMessage(raw)
	require.NoError(t, err)
	c.later = false
	mine := *c
	tr := &transfer{empty: &Zone{tag: z.tag, zone: z.zone, origin: z.origin}, have: have, base: base, like: base, chain: &mine}
	x := &Exchange{metrics: newMetrics(), now: time.Now}
	var done bool
	i := 0
	a := &answer{x: x, m: m, tcp: true, origin: z.origin, chain: c, reply: func(b []byte) error {
		if edit != nil && done {
			return nil // the edited message was all of it
		}
		if edit != nil {
			msg := new(dns.Msg)
			require.NoError(t, msg.Unpack(b))
			edit(i, msg)
			i++
			// Signed again, so that only its content is wrong.
			ts := msg.IsTsig()
			msg.Extra = msg.Extra[:len(msg.Extra)-1]
			out, err := msg.Pack()
			require.NoError(t, err)
			again := chain{key: key, prior: tr.chain.prior, later: tr.chain.later}
			if b, err = again.sign(out, stated(ts.TimeSigned, dns.RcodeSuccess, nil)); err != nil {
				return err
			}
		}
		p, bad := parseMessage(b)
		require.NoError(t, bad)
		assert.False(t, done, "nothing comes behind the end")
		done, err = tr.take(p, time.Now())
		return err
	}}
	a.transfer(newPublication(), z, old)
	if err == nil && !done {
		return tr, errEnded
	}
	return tr, err
}

func TestIncrementGivesTheSameAsTheWhole(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 7))
		old, cur := randomZone(t, r, 1), randomZone(t, r, 2)
		whole, err := carry(t, cur, nil, nil, nil)
		require.NoError(t, err)
		require.Equal(t, cur.String(), whole.zone.String())
		require.Equal(t, resultWhole, whole.result)

		base, err := carry(t, old, nil, nil, nil)
		require.NoError(t, err)
		inc, err := carry(t, cur, old, base.zone, nil)
		require.NoError(t, err)
		require.Equal(t, cur.String(), inc.zone.String(), "seed %d", seed)
		require.Equal(t, resultIncrement, inc.result)
		want, err := whole.zone.Report()
		require.NoError(t, err)
		got, err := inc.zone.Report()
		require.NoError(t, err)
		require.Equal(t, want, got)
		assert.Equal(t, cur.size, inc.zone.size, "octets are counted rightly")
	}
}

func TestUnchangedHostsAreShared(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	old := randomZone(t, r, 1)
	base, err := carry(t, old, nil, nil, nil)
	require.NoError(t, err)
	next := *old
	next.serial = 2
	again, err := carry(t, &next, nil, base.zone, nil) // the whole zone, with nothing new in it
	require.NoError(t, err)
	for i := range base.zone.sets {
		require.Same(t, base.zone.sets[i], again.zone.sets[i], "not decoded again, so that nothing is merged again")
	}
}

func TestIncrementThatDoesNotFit(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 7))
	old, cur := randomZone(t, r, 1), randomZone(t, r, 2)
	base, err := carry(t, old, nil, nil, nil)
	require.NoError(t, err)
	other := randomZone(t, r, 1) // the same serial, and not what the author means
	strange, err := carry(t, other, nil, nil, nil)
	require.NoError(t, err)
	_, err = carry(t, cur, old, strange.zone, nil)
	require.ErrorIs(t, err, errMisfit)
	_, err = carry(t, cur, old, nil, nil)
	require.ErrorIs(t, err, errMisfit, "an increment to somebody who has nothing")
	for why, edit := range map[string]func(m *dns.Msg){
		"removes what is not there":  func(m *dns.Msg) { m.Answer[2].(*dns.TXT).Txt[0] = "nothing" },
		"begins at another version":  func(m *dns.Msg) { m.Answer[1].(*dns.SOA).Serial = 9 },
		"steps to nowhere":           func(m *dns.Msg) { step(m, 2).Serial = 9 },
		"adds what is there already": func(m *dns.Msg) { m.Answer[len(m.Answer)-2] = m.Answer[len(m.Answer)-3] },
	} {
		tr, err := carry(t, cur, old, base.zone, func(i int, m *dns.Msg) {
			if i == 0 {
				edit(m)
			}
		})
		require.ErrorIs(t, err, errMisfit, why)
		assert.Nil(t, tr.zone, why)
	}
}

// step gives the n-th SOA of a message.
func step(m *dns.Msg, n int) *dns.SOA {
	for _, rr := range m.Answer {
		if s, ok := rr.(*dns.SOA); ok {
			if n == 0 {
				return s
			}
			n--
		}
	}
	return nil
}

func TestIncrementOfSeveralSteps(t *testing.T) {
	soaRR := func(serial uint32) dns.RR {
		return &dns.SOA{Hdr: dns.RR_Header{Name: "_report.eu.cloud.example.com.", Rrtype: dns.TypeSOA, Class: dns.ClassINET}, Ns: "i._report.eu.cloud.example.com.", Mbox: ".", Serial: serial}
	}
	txt := func(words ...string) dns.RR {
		return &dns.TXT{Hdr: dns.RR_Header{Name: "_report.eu.cloud.example.com.", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: words}
	}
	r := rand.New(rand.NewPCG(1, 1))
	base, err := carry(t, randomZone(t, r, 1), nil, nil, nil)
	require.NoError(t, err)
	// RFC 1995 §4: 1 → 2 → 3.
	tr, err := carry(t, randomZone(t, r, 3), base.zone, base.zone, func(_ int, m *dns.Msg) {
		m.Answer = []dns.RR{soaRR(3), soaRR(1), soaRR(2), txt("a", "x=1"), txt("b"), soaRR(2), txt("b"), soaRR(3), txt("c"), soaRR(3)}
	})
	require.NoError(t, err)
	require.NotNil(t, tr.zone)
	assert.Contains(t, tr.zone.String(), `TXT "a" "x=1"`)
	assert.NotContains(t, tr.zone.String(), `TXT "b"`)
	assert.Contains(t, tr.zone.String(), `TXT "c"`)
}

func FuzzMessage(f *testing.F) {
	z := randomZone(f, rand.New(rand.NewPCG(1, 1)), 1)
	b := newBuilder(512, 1, flagQR, question(z.origin, dns.TypeIXFR), z.origin)
	b.soa(answerSection, z.soa())
	b.txt("", z.apex().txt[0])
	b.opt(0, HoldOption, "v=1 tag=eu id=x instance=i n=1")
	f.Add(b.buf)
	c := &chain{key: testSigner(f)}
	signed, err := c.sign(append([]byte(nil), b.buf...), stamp(time.Unix(1, 0)))
	require.NoError(f, err)
	f.Add(signed)
	f.Add([]byte("\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parseMessage(append([]byte(nil), raw...))
		// What our parser takes, the library takes too: ours is the stricter.
		if err == nil && m.asked == 1 {
			theirs := new(dns.Msg)
			if e := theirs.Unpack(raw); e == nil {
				require.Equal(t, theirs.Question[0].Qtype, m.qtype)
				require.Len(t, m.records, len(theirs.Answer)+len(theirs.Ns)+len(theirs.Extra)-count(m))
			}
		}
		tr := &transfer{empty: z, base: z, have: z.soa(), chain: &chain{key: testSigner(t)}}
		tr.chain.later = true // as if the message were one in the middle
		if err == nil {
			for range 3 {
				_ = tr.records(m)
			}
			_ = tr.finish()
			_ = tr.greeting(m)
			_, _ = m.offered(z.origin)
		}
	})
}

// count gives the pseudo-records of a message, which are not kept as records.
func count(m *message) int {
	n := 0
	if m.opt != nil {
		n++
	}
	if m.tsig != nil {
		n++
	}
	return n
}

func FuzzHello(f *testing.F) {
	f.Add("v=1 tag=eu id=x instance=i n=1 hold=1000 hears=ap,us later=yes")
	f.Add("v=1.9 tag=eu id=x instance=i n=9223372036854775807")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseHello(s)
		if err != nil {
			return
		}
		again, err := parseHello(h.String())
		require.NoError(t, err)
		require.Equal(t, h, again)
	})
}
