// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

// flood sends the same query many times within a time and counts what comes
// back: whole answers and short ones.
func flood(t *testing.T, respond func([]byte, netip.Addr, time.Duration) []byte, from string, query packet, n int, begin, within time.Duration) (whole, short int) {
	t.Helper()
	for i := range n {
		out := respond(query, netip.MustParseAddr(from), begin+within*time.Duration(i)/time.Duration(n))
		switch {
		case len(out) == 0:
		case out[2]&2 != 0:
			short++
			assert.LessOrEqual(t, len(out), len(query), "a short answer amplifies nothing")
		default:
			whole++
		}
	}
	return whole, short
}

func TestResponsesToANetworkAreLimited(t *testing.T) {
	s := unserved(t, dnsserver.Config{RateLimit: 10})
	respond := dnsserver.RespondTo(s)
	query := ask(t, "app", dns.TypeA)
	whole, short := flood(t, respond, "192.0.2.1", query, 100, 0, time.Millisecond)
	assert.Equal(t, 10, whole, "a second's worth at once")
	assert.Equal(t, 45, short, "every second of the others slips")
	whole, _ = flood(t, respond, "192.0.2.77", query, 100, time.Millisecond, time.Millisecond)
	assert.Zero(t, whole, "the same /24")
	whole, _ = flood(t, respond, "192.0.3.1", query, 100, 2*time.Millisecond, time.Millisecond)
	assert.Equal(t, 10, whole, "another /24")
	whole, _ = flood(t, respond, "192.0.2.1", query, 1000, time.Second, 10*time.Second)
	assert.InDelta(t, 110, whole, 2, "ten a second, and those saved up")

	whole, _ = flood(t, respond, "2001:db8:0:100::1", query, 100, 0, time.Millisecond)
	assert.Equal(t, 10, whole)
	whole, _ = flood(t, respond, "2001:db8:0:1ff::1", query, 100, time.Millisecond, time.Millisecond)
	assert.Zero(t, whole, "the same /56")
	whole, _ = flood(t, respond, "2001:db8:0:200::1", query, 100, time.Millisecond, time.Millisecond)
	assert.Equal(t, 10, whole, "another /56")
}

// Each class has its own rate: a flood of names that do not exist leaves answers
// alone.
func TestClassesOfResponsesAreLimitedApart(t *testing.T) {
	s := unserved(t, dnsserver.Config{RateLimit: 10, RateSlip: 1_000_000})
	defer func() { assert.Zero(t, s.Panics()) }()
	respond := dnsserver.RespondTo(s)
	for _, c := range []struct {
		why   string
		query packet
	}{
		{"names that do not exist", ask(t, "absent", dns.TypeA)},
		{"answers", ask(t, "app", dns.TypeA)},
		{"types that do not exist", ask(t, "app", dns.TypeTXT)},
		{"refused", ask(t, "www.example.org.", dns.TypeA)},
		{"large answers", ask(t, "many", dns.TypeA).opt(1232, 0)},
	} {
		whole, short := flood(t, respond, "192.0.2.1", c.query, 100, 0, time.Millisecond)
		assert.Equal(t, 10, whole, c.why)
		assert.Zero(t, short, c.why)
	}
	for _, p := range []packet{header(0, 1), ask(t, "app", dns.TypeA).tsig(), ask(t, "app", dns.TypeA).opcode(9), ask(t, "app", dns.TypeA).opt(1232, 1<<16)} {
		whole, _ := flood(t, respond, "192.0.2.1", p, 100, 0, time.Millisecond)
		assert.Zero(t, whole, "all of these are errors, whose rate is used up: %x", []byte(p))
	}
}

// A quiet network keeps its rate while a million others make noise: what is
// forgotten costs nobody an answer, and the memory is fixed.
func TestManyNetworksTakeNobodysRate(t *testing.T) {
	respond := dnsserver.RespondTo(unserved(t, dnsserver.Config{RateLimit: 10}))
	query := ask(t, "app", dns.TypeA)
	whole, _ := flood(t, respond, "192.0.2.1", query, 100, 0, time.Millisecond)
	require.Equal(t, 10, whole)
	for i := range 300_000 {
		a := netip.AddrFrom4([4]byte{byte(10 + i>>22), byte(i >> 14), byte(i >> 6), byte(i)})
		respond(query, a, 2*time.Millisecond+time.Duration(i))
	}
	whole, _ = flood(t, respond, "192.0.2.1", query, 100, 3*time.Millisecond, time.Millisecond)
	assert.Zero(t, whole, "the heavy one is still known")
	whole, _ = flood(t, respond, "203.0.113.1", query, 9, 5*time.Millisecond, time.Millisecond)
	assert.Equal(t, 9, whole, "and a newcomer has its own rate")
}

// Times are kept in 40 bits; once they have come round nobody is limited for it.
func TestTimesThatComeRound(t *testing.T) {
	respond := dnsserver.RespondTo(unserved(t, dnsserver.Config{RateLimit: 10}))
	query := ask(t, "app", dns.TypeA)
	for i := range 200 {
		at := time.Duration(i) * 20 * time.Minute
		whole, _ := flood(t, respond, "192.0.2.1", query, 100, at, time.Millisecond)
		require.Equal(t, 10, whole, at)
	}
}

// TCP is not limited, nor is anybody while addresses are hidden behind a load
// balancer.
func TestWhoIsNotLimited(t *testing.T) {
	server, addr := dnstest.Serve(t, dnsserver.Config{RateLimit: 1, RateSlip: 1}, exampleTable(t))
	q := dnstest.Query{Name: "app." + zone, Type: dns.TypeA}
	limited := func() bool {
		var last *dns.Msg
		for range 3 {
			last = dnstest.Ask(t, addr, q)
		}
		return last.Truncated
	}
	assert.True(t, limited(), "over UDP")
	q.TCP = true
	assert.False(t, limited(), "over TCP")
	q.TCP = false
	server.HideClients(true)
	assert.False(t, limited(), "hidden")
	server.HideClients(false)
	assert.True(t, limited(), "visible again")
}

func TestLimitedAnswersAllocateNothing(t *testing.T) {
	respond := dnsserver.Respond(unserved(t, dnsserver.Config{RateLimit: 1}))
	out := make([]byte, 0, 1500)
	for _, p := range []packet{
		ask(t, "app", dns.TypeA), ask(t, "absent", dns.TypeA), ask(t, "www.example.org.", dns.TypeA),
		ask(t, "app", dns.TypeA).opt(1232, 0, cookieOption(make([]byte, 8))...), ask(t, "app", dns.TypeA).opt(1232, 0, cookieOption(make([]byte, 24))...),
	} {
		assert.Zero(t, testing.AllocsPerRun(100, func() { respond(out, p, false) }), "%x", []byte(p))
	}
}

func TestRateLimitsThatAreRefused(t *testing.T) {
	for _, rate := range []int{-1, dnsserver.MaxRateLimit + 1} {
		_, err := dnsserver.New(dnsserver.Config{Listen: []string{"127.0.0.1:0"}, RateLimit: rate})
		assert.ErrorContains(t, err, fmt.Sprint(rate))
	}
}
