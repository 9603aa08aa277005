// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

var cloud = gslb.MustName("cloud.example.com")

// TestBeliefFollowsItsTable plays rows of answers: "+" addresses, "-" a negative over
// TCP, "u" a negative over UDP, "?" nothing; "~" after one: the server is not alive.
// They come a second apart, or as many as the number before says.
func TestBeliefFollowsItsTable(t *testing.T) {
	for _, c := range []struct {
		row  string
		want gslb.Health
		why  string
	}{
		{"+", gslb.Healthy, "addresses"},
		{"+ -", gslb.Healthy, "one negative is none"},
		{"+ - -", gslb.Healthy, "two, a second apart"},
		{"+ - 2-", gslb.Unhealthy, "two, two seconds apart"},
		{"+ - - -", gslb.Unhealthy, "a row of them"},
		{"+ - 2-~", gslb.Healthy, "its SOA does not answer"},
		{"+ - + 2-", gslb.Healthy, "the row was broken by addresses"},
		{"+ - ? -", gslb.Healthy, "and by what says nothing: the server may be starting"},
		{"+ - ? - 2-", gslb.Unhealthy, "a new row"},
		{"+ u 2u 2u", gslb.Healthy, "over UDP anybody can say so"},
		{"+ - u -", gslb.Unhealthy, "and nobody can break a row that way"},
		{"+ ? 10? 10?", gslb.Healthy, "silence about a host"},
		{"+ ? 10? 10? 10?", gslb.HealthUnknown, "for long, while the server lives"},
		{"+ ? 10?~ 10?~ 10?~", gslb.Healthy, "who is silent altogether is judged as a cluster"},
		{"+ ? 10? 10? + ? 10?", gslb.Healthy, "not in a row"},
		{"+ - 2- ? 10? 10? 10?", gslb.Unhealthy, "what was down stays so"},
		{"+ - 2- +", gslb.Healthy, "and back"},
		{"- 2-", gslb.HealthUnknown, "it never had an address"},
	} {
		t.Run(c.row, func(t *testing.T) {
			t.Log(c.why)
			var b belief
			now := time.Now()
			for _, step := range strings.Fields(c.row) {
				wait := time.Second
				if n := strings.IndexFunc(step, func(r rune) bool { return r < '0' || r > '9' }); n > 0 {
					d, err := time.ParseDuration(step[:n] + "s")
					require.NoError(t, err)
					wait, step = d, step[n:]
				}
				now = now.Add(wait)
				s := map[byte]said{
					'+': {kind: positive, addrs: []netip.Addr{netip.MustParseAddr("198.51.100.1")}, tcp: true},
					'-': {kind: negative, tcp: true}, 'u': {kind: negative}, '?': {},
				}[step[0]]
				was := b.health
				changed := b.hear(s, !strings.HasSuffix(step, "~"), now)
				assert.Equal(t, b.health != was, changed, step)
			}
			assert.Equal(t, c.want, b.health)
			if o := b.offer(gslb.MustName("app.cloud.example.com"), gslb.Ask{}); len(b.addrs) == 0 {
				assert.Nil(t, o)
			} else {
				require.Len(t, o.Entries, 1, "addresses are never forgotten")
				assert.Equal(t, c.want, o.Entries[0].Health)
				assert.True(t, o.PolicyUnknown)
			}
		})
	}
}

// reply makes an answer about localtargets-app, from zone-file lines.
func reply(t testing.TB, edit func(*dns.Msg), answer, authority string) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	m.SetReply(ask("localtargets-app.cloud.example.com", dns.TypeA))
	for section, text := range map[*[]dns.RR]string{&m.Answer: answer, &m.Ns: authority} {
		for line := range strings.Lines(text) {
			rr, err := dns.NewRR(line)
			require.NoError(t, err)
			*section = append(*section, rr)
		}
	}
	if edit != nil {
		edit(m)
	}
	return m
}

func TestWhatAnswersMean(t *testing.T) {
	const (
		a1  = "localtargets-app.cloud.example.com. 30 IN A 198.51.100.1\n"
		a2  = "LocalTargets-App.Cloud.Example.Com. 30 IN A 198.51.100.2\n"
		soa = "cloud.example.com. 60 IN SOA a. b. 1 2 3 4 5\n"
	)
	rcode := func(n int) func(*dns.Msg) { return func(m *dns.Msg) { m.Rcode = n } }
	for _, c := range []struct {
		why               string
		edit              func(*dns.Msg)
		answer, authority string
		want              kind
		addrs             int
	}{
		{"addresses", nil, a1 + a2, "", positive, 2},
		{"the same twice", nil, a1 + a1, "", positive, 1},
		{"no such name, with the SOA: k8gb sets no AA", rcode(dns.RcodeNameError), "", soa, negative, 0},
		{"no such name, with AA", func(m *dns.Msg) { m.Rcode, m.Authoritative = dns.RcodeNameError, true }, "", "", negative, 0},
		{"no data", nil, "", soa, negative, 0},
		{"no such name, and nobody says with which right", rcode(dns.RcodeNameError), "", "", unknown, 0},
		{"the SOA of another zone", rcode(dns.RcodeNameError), "", "example.com. 60 IN SOA a. b. 1 2 3 4 5\n", unknown, 0},
		{"from the cache of a resolver", func(m *dns.Msg) { m.Rcode, m.RecursionAvailable = dns.RcodeNameError, true }, "", soa, unknown, 0},
		{"SERVFAIL", rcode(dns.RcodeServerFailure), "", soa, unknown, 0},
		{"REFUSED", rcode(dns.RcodeRefused), "", soa, unknown, 0},
		{"truncated", func(m *dns.Msg) { m.Truncated = true }, a1, "", unknown, 0},
		{"addresses with NXDOMAIN", rcode(dns.RcodeNameError), a1, soa, unknown, 0},
		{"addresses of another name", nil, "app.cloud.example.com. 30 IN A 198.51.100.1\n", soa, unknown, 0},
		{"an alias", nil, "localtargets-app.cloud.example.com. 30 IN CNAME x.example.\n", soa, unknown, 0},
		{"addresses that nobody can reach", nil, "localtargets-app.cloud.example.com. 30 IN A 127.0.0.1\nlocaltargets-app.cloud.example.com. 30 IN A 0.0.0.0\nlocaltargets-app.cloud.example.com. 30 IN A 169.254.1.1\nlocaltargets-app.cloud.example.com. 30 IN A 224.0.0.1\n", soa, unknown, 0},
	} {
		t.Run(c.why, func(t *testing.T) {
			s := readHost(reply(t, c.edit, c.answer, c.authority), cloud, true, false)
			assert.Equal(t, c.want, s.kind)
			assert.Len(t, s.addrs, c.addrs)
		})
	}
	loop := "localtargets-app.cloud.example.com. 30 IN A 127.0.0.1\n"
	assert.Equal(t, positive, readHost(reply(t, nil, loop, ""), cloud, true, true).kind, "where loopback is allowed")
}

func FuzzReadHost(f *testing.F) {
	for _, m := range []*dns.Msg{
		reply(f, nil, "localtargets-app.cloud.example.com. 30 IN A 198.51.100.1\n", ""),
		reply(f, func(m *dns.Msg) { m.Rcode = dns.RcodeNameError }, "", "cloud.example.com. 60 IN SOA a. b. 1 2 3 4 5\n"),
	} {
		b, err := m.Pack()
		require.NoError(f, err)
		f.Add(b)
	}
	q := ask("localtargets-app.cloud.example.com", dns.TypeA)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(dns.Msg)
		if m.Unpack(b) != nil {
			return
		}
		q.Id = m.Id
		if !answers(m, q) {
			return
		}
		s := readHost(m, cloud, true, false)
		assert.Equal(t, s.kind == positive, len(s.addrs) > 0)
		for _, a := range s.addrs {
			assert.True(t, a.Is4() && !a.IsLoopback() && !a.IsUnspecified())
		}
		if s.kind != unknown {
			assert.False(t, m.Truncated)
			assert.Contains(t, []int{dns.RcodeSuccess, dns.RcodeNameError}, m.Rcode)
		}
		saysSOA(m, cloud)
	})
}
