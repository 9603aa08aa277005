// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"encoding/hex"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
)

// Secrets of the examples in RFC 9018 Appendix A.
const (
	secretA = "e5e973e5a6b2a43f48e7dc849e37bfcf"
	secretB = "dd3bdf9344b678b185a6f5cb60fca715"
	secretC = "445536bcd2513298075a5d379663c962"
)

func cookieOption(cookie []byte) []byte {
	return append([]byte{0, dns.EDNS0COOKIE, 0, byte(len(cookie))}, cookie...)
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// cookieOf gives the cookie in a message, in hex; "" if there is none.
func cookieOf(m *dns.Msg) string {
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if c, ok := o.(*dns.EDNS0_COOKIE); ok {
				return c.Cookie
			}
		}
	}
	return ""
}

func secretFile(t testing.TB, lines ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secrets")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	return file
}

func TestRFC9018_AppendixA(t *testing.T) {
	for _, c := range []struct {
		why     string
		secrets []string
		now     int64
		from    string
		sent    string
		got     string
	}{
		{"A.1: a new cookie", []string{secretA}, 1559731985, "198.51.100.100",
			"2464c4abcf10c957", "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
		{"A.2: renewed after forty minutes", []string{secretA}, 1559734385, "198.51.100.100",
			"2464c4abcf10c957010000005cf79f111f8130c3eee29480", "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
		{"A.3: somebody set the reserved octets", []string{secretA}, 1559734700, "203.0.113.203",
			"fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
		{"A.4: IPv6, made with the secret before", []string{secretC, secretB}, 1559741961, "2001:db8:220:1:59de:d0f4:8769:82b8",
			"22681ab97d52c298010000005cf7c57926556bd0934c72f8", "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
		{"young enough to be sent back as it is", []string{secretA}, 1559731985 + 1800, "198.51.100.100",
			"2464c4abcf10c957010000005cf79f111f8130c3eee29480", "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
	} {
		t.Run(c.why, func(t *testing.T) {
			s := unserved(t, dnsserver.Config{CookieSecretFile: secretFile(t, c.secrets...)})
			dnsserver.SetCookieClock(s, func() time.Time { return time.Unix(c.now, 0) })
			query := ask(t, "app", dns.TypeA).opt(1232, 0, cookieOption(unhex(t, c.sent))...)
			m := new(dns.Msg)
			require.NoError(t, m.Unpack(dnsserver.RespondTo(s)(query, netip.MustParseAddr(c.from), 0)))
			assert.Equal(t, c.got, cookieOf(m))
			assert.Len(t, m.Answer, 1)
		})
	}
}

// limitedTo is a server on which only the first answer to a network is within
// the rate: what is answered after it shows whether a cookie is believed.
func limitedTo(t *testing.T, secrets string) func(cookie []byte, from string, now int64) *dns.Msg {
	t.Helper()
	s := unserved(t, dnsserver.Config{CookieSecretFile: secrets, RateLimit: 1, RateSlip: 1})
	respond := dnsserver.RespondTo(s)
	return func(cookie []byte, from string, now int64) *dns.Msg {
		dnsserver.SetCookieClock(s, func() time.Time { return time.Unix(now, 0) })
		m := new(dns.Msg)
		query := ask(t, "app", dns.TypeA)
		addr := netip.MustParseAddr(from)
		respond(query, addr, 0)
		require.NoError(t, m.Unpack(respond(query.opt(1232, 0, cookieOption(cookie)...), addr, 0)))
		return m
	}
}

// Whoever shows a cookie of ours is not limited; others are told to take one.
func TestWhichCookiesAreBelieved(t *testing.T) {
	const made = int64(1559731985)
	good := unhex(t, "2464c4abcf10c957010000005cf79f111f8130c3eee29480")
	changed := func(at int) []byte {
		out := append([]byte(nil), good...)
		out[at] ^= 1
		return out
	}
	for _, c := range []struct {
		why    string
		cookie []byte
		from   string
		now    int64
		valid  bool
	}{
		{"just made", good, "198.51.100.100", made, true},
		{"an hour old", good, "198.51.100.100", made + 3600, true},
		{"older than an hour", good, "198.51.100.100", made + 3601, false},
		{"from a clock five minutes ahead", good, "198.51.100.100", made - 300, true},
		{"from further ahead", good, "198.51.100.100", made - 301, false},
		{"another address", good, "198.51.100.101", made, false},
		{"another client's part", changed(0), "198.51.100.100", made, false},
		{"another version", changed(8), "198.51.100.100", made, false},
		{"another time", changed(15), "198.51.100.100", made, false},
		{"another hash", changed(23), "198.51.100.100", made, false},
		{"a longer one", append(good[:24:24], 0), "198.51.100.100", made, false},
		{"the client's part alone", good[:8], "198.51.100.100", made, false},
	} {
		t.Run(c.why, func(t *testing.T) {
			m := limitedTo(t, secretFile(t, secretA))(c.cookie, c.from, c.now)
			if c.valid {
				assert.Len(t, m.Answer, 1)
				return
			}
			assert.Equal(t, dns.RcodeBadCookie, m.Rcode)
			assert.Empty(t, m.Answer)
			fresh := limitedTo(t, secretFile(t, secretA))(unhex(t, cookieOf(m)), c.from, c.now)
			assert.Len(t, fresh.Answer, 1, "the cookie that came with BADCOOKIE is good")
		})
	}
}

// Replicas behind one address are told the same: what one made, another believes.
func TestRow99_ReplicasWithOneSeedHaveOneSecret(t *testing.T) {
	from := netip.MustParseAddr("198.51.100.100")
	replica := func(seed string) func(cookie string) (valid bool, reply string) {
		s := unserved(t, dnsserver.Config{CookieSeed: []byte(seed), RateLimit: 1, RateSlip: 1, Logger: slog.New(slog.DiscardHandler)})
		dnsserver.SetCookieClock(s, func() time.Time { return time.Unix(1559731985, 0) })
		respond := dnsserver.RespondTo(s)
		respond(ask(t, "app", dns.TypeA), from, 0)
		return func(cookie string) (bool, string) {
			m := new(dns.Msg)
			require.NoError(t, m.Unpack(respond(ask(t, "app", dns.TypeA).opt(1232, 0, cookieOption(unhex(t, cookie))...), from, 0)))
			return len(m.Answer) > 0, cookieOf(m)
		}
	}
	_, made := replica("one")("2464c4abcf10c957")
	valid, reply := replica("one")(made)
	assert.True(t, valid, "limited, but a valid cookie is not")
	assert.Equal(t, made, reply)
	valid, _ = replica("another")(made)
	assert.False(t, valid)
	valid, _ = replica("")(made)
	assert.False(t, valid)
}

// Replicas rotate one after the other: first the new secret is accepted by all,
// then it makes cookies, then the old one goes (RFC 9018 §5).
func TestRow99_SecretsAreRotatedWithoutARestart(t *testing.T) {
	const now = 1559731985
	file := secretFile(t, secretA)
	s := unserved(t, dnsserver.Config{CookieSecretFile: file, RateLimit: 1, RateSlip: 1, Logger: slog.New(slog.DiscardHandler)})
	dnsserver.SetCookieClock(s, func() time.Time { return time.Unix(now, 0) })
	from := netip.MustParseAddr("198.51.100.100")
	respond := dnsserver.RespondTo(s)
	respond(ask(t, "app", dns.TypeA), from, 0)
	try := func(cookie string) (valid bool, reply string) {
		m := new(dns.Msg)
		require.NoError(t, m.Unpack(respond(ask(t, "app", dns.TypeA).opt(1232, 0, cookieOption(unhex(t, cookie))...), from, 0)))
		return len(m.Answer) > 0, cookieOf(m)
	}
	write := func(text string) {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		dnsserver.LookAtFiles(s)
	}
	_, old := try("2464c4abcf10c957")
	require.Equal(t, "2464c4abcf10c957010000005cf79f111f8130c3eee29480", old)

	write(secretA + "\n" + secretB + "\n")
	valid, reply := try(old)
	assert.True(t, valid)
	assert.Equal(t, old, reply, "the first secret still makes them")

	write(secretB + "\n" + secretA + " \n")
	valid, reply = try(old)
	assert.True(t, valid, "the old secret is accepted")
	assert.NotEqual(t, old, reply, "but its cookies are replaced")

	write("nonsense of another length\n")
	valid, _ = try(reply)
	assert.True(t, valid, "what cannot be read changes nothing")

	write(secretB + "\n")
	valid, _ = try(old)
	assert.False(t, valid, "the old secret is gone")
	valid, _ = try(reply)
	assert.True(t, valid)
}

func TestFilesOfSecretsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		why   string
		lines []string
		want  string
	}{
		{"empty", nil, "holds no secret"},
		{"too short", []string{"e5e973e5"}, "line 1 is not a secret of 32 hexadecimal digits"},
		{"not hex", []string{secretA, strings.Repeat("z", 32)}, "line 2 is not a secret"},
		{"three", []string{secretA, secretB, secretC}, "holds 3 secrets"},
		{"a large file", []string{strings.Repeat("0", 5000)}, "5001 octets"},
	} {
		t.Run(c.why, func(t *testing.T) {
			_, err := dnsserver.New(dnsserver.Config{Listen: []string{"127.0.0.1:0"}, CookieSecretFile: secretFile(t, c.lines...)})
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), secretA, "secrets are not told")
		})
	}
	_, err := dnsserver.New(dnsserver.Config{Listen: []string{"127.0.0.1:0"}, CookieSecretFile: "/nonexistent"})
	require.ErrorContains(t, err, "no such file")
}
