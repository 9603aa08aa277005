// SPDX-License-Identifier: Apache-2.0

package tsig_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/tsig"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

var now = time.Unix(1_790_000_000, 0)

func secret(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

var (
	key  = tsigkey.FromSecret("Transfer.Example.", "hmac-sha256", secret('a'))
	ring = tsigkey.NewKeyring(tsigkey.FromSecret("other.", "hmac-sha512", secret('o')), key)
)

// question is a packed question, unsigned.
func question(t testing.TB) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion("cloud.example.com.", dns.TypeSOA)
	m.SetEdns0(1232, false)
	wire, err := m.Pack()
	require.NoError(t, err)
	return wire
}

// signed is a question signed by a key at a time, by the library.
func signed(t testing.TB, k *tsigkey.Key, at time.Time) []byte {
	t.Helper()
	m := new(dns.Msg)
	require.NoError(t, m.Unpack(question(t)))
	m.SetTsig(k.Name, k.Algorithm, 300, at.Unix())
	wire, _, err := dns.TsigGenerateWithProvider(m, tsigkey.NewKeyring(k), "", false)
	require.NoError(t, err)
	return wire
}

// edited is a signed question changed after it was signed.
func edited(t testing.TB, wire []byte, edit func(m *dns.Msg, ts *dns.TSIG)) []byte {
	t.Helper()
	m := new(dns.Msg)
	require.NoError(t, m.Unpack(wire))
	edit(m, m.IsTsig())
	out, err := m.Pack()
	require.NoError(t, err)
	return out
}

// cut shortens the MAC to n octets.
func cut(t testing.TB, wire []byte, n int) []byte {
	return edited(t, wire, func(_ *dns.Msg, ts *dns.TSIG) { ts.MAC, ts.MACSize = ts.MAC[:2*n], uint16(n) })
}

// answer is what a server says to a request, unsigned.
func answer(t testing.TB, request []byte, rcode int) []byte {
	t.Helper()
	q, a := new(dns.Msg), new(dns.Msg)
	require.NoError(t, q.Unpack(request))
	a.SetRcode(q, rcode)
	wire, err := a.Pack()
	require.NoError(t, err)
	return wire
}

// TestRFC8945_Section5_2 holds rows 111 to 116 of the table of wire behaviour.
func TestRFC8945_Section5_2(t *testing.T) {
	good := signed(t, key, now)
	flip := func(at int) []byte {
		out := bytes.Clone(good)
		if at < 0 {
			at += len(out)
		}
		out[at] ^= 1
		return out
	}
	other := func(alg string, b byte, at time.Time) []byte {
		return signed(t, tsigkey.FromSecret(key.Name, alg, secret(b)), at)
	}
	txt := &dns.TXT{Hdr: dns.RR_Header{Name: "x.", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"y"}}
	for _, c := range []struct {
		row  int
		why  string
		msg  []byte
		err  error
		code uint16
		mac  bool
	}{
		{0, "good", good, nil, 0, true},
		{0, "the end of the fudge", signed(t, key, now.Add(-300*time.Second)), nil, 0, true},
		{0, "not signed", question(t), nil, 0, false},
		{111, "unknown key", signed(t, tsigkey.FromSecret("nobody.", "hmac-sha256", secret('a')), now), tsig.ErrBadKey, dns.RcodeBadKey, false},
		{111, "right key name, other algorithm", other("hmac-sha512", 'a', now), tsig.ErrBadKey, dns.RcodeBadKey, false},
		{112, "other secret", other("hmac-sha256", 'x', now), tsig.ErrBadSig, dns.RcodeBadSig, false},
		{112, "changed flags", flip(2), tsig.ErrBadSig, dns.RcodeBadSig, false},
		{112, "changed RCODE", flip(3), tsig.ErrBadSig, dns.RcodeBadSig, false},
		{112, "changed name", flip(14), tsig.ErrBadSig, dns.RcodeBadSig, false},
		{112, "changed MAC", flip(-7), tsig.ErrBadSig, dns.RcodeBadSig, false},
		{112, "changed original ID", flip(-5), tsig.ErrBadSig, dns.RcodeBadSig, false},
		{0, "a forwarder's ID", flip(1), nil, 0, true},
		{113, "too old", signed(t, key, now.Add(-301*time.Second)), tsig.ErrBadTime, dns.RcodeBadTime, true},
		{113, "from the future", signed(t, key, now.Add(301*time.Second)), tsig.ErrBadTime, dns.RcodeBadTime, true},
		{114, "bad MAC and bad time", other("hmac-sha256", 'x', now.Add(-time.Hour)), tsig.ErrBadSig, dns.RcodeBadSig, false},
		{115, "half a MAC", cut(t, good, 16), tsig.ErrBadTrunc, dns.RcodeBadTrunc, true},
		{115, "all but one octet", cut(t, good, 31), tsig.ErrBadTrunc, dns.RcodeBadTrunc, true},
		{115, "half a wrong MAC", cut(t, other("hmac-sha256", 'x', now), 16), tsig.ErrBadSig, dns.RcodeBadSig, false},
		{115, "half a MAC, too late", cut(t, signed(t, key, now.Add(-time.Hour)), 16), tsig.ErrBadTime, dns.RcodeBadTime, true},
		{115, "less than half", cut(t, good, 15), tsig.ErrForm, 0, false},
		{115, "no MAC", cut(t, good, 0), tsig.ErrForm, 0, false},
		{115, "more than there is", edited(t, good, func(_ *dns.Msg, ts *dns.TSIG) { ts.MAC, ts.MACSize = ts.MAC+"00", 33 }), tsig.ErrForm, 0, false},
		{116, "not last", edited(t, good, func(m *dns.Msg, ts *dns.TSIG) { m.Extra = []dns.RR{ts, txt} }), tsig.ErrForm, 0, false},
		{116, "before OPT", edited(t, good, func(m *dns.Msg, ts *dns.TSIG) { m.Extra = []dns.RR{ts, m.Extra[0]} }), tsig.ErrForm, 0, false},
		{116, "twice", edited(t, good, func(m *dns.Msg, ts *dns.TSIG) { m.Extra = []dns.RR{ts, ts} }), tsig.ErrForm, 0, false},
		{116, "among the answers", edited(t, good, func(m *dns.Msg, ts *dns.TSIG) { m.Extra, m.Answer = nil, []dns.RR{ts} }), tsig.ErrForm, 0, false},
		{116, "in the authority section", edited(t, good, func(m *dns.Msg, ts *dns.TSIG) { m.Extra, m.Ns = m.Extra[:1], []dns.RR{ts} }), tsig.ErrForm, 0, false},
		{116, "class IN", edited(t, good, func(_ *dns.Msg, ts *dns.TSIG) { ts.Hdr.Class = dns.ClassINET }), tsig.ErrForm, 0, false},
		{116, "with a TTL", edited(t, good, func(_ *dns.Msg, ts *dns.TSIG) { ts.Hdr.Ttl = 1 }), tsig.ErrForm, 0, false},
		{116, "octets after it", append(bytes.Clone(good), 0), tsig.ErrForm, 0, false},
		{116, "cut", good[:len(good)-1], tsig.ErrForm, 0, false},
		{116, "more records counted", func() []byte { w := bytes.Clone(good); w[11]++; return w }(), tsig.ErrForm, 0, false},
	} {
		t.Run(c.why, func(t *testing.T) {
			before := bytes.Clone(c.msg)
			s, err := tsig.Verify(ring, c.msg, now)
			require.ErrorIs(t, err, c.err, "row %d", c.row)
			assert.Equal(t, before, c.msg, "the message is only read")
			if s == nil {
				assert.Zero(t, c.code)
				assert.False(t, c.mac)
				return
			}
			checkAnswer(t, s, c.msg, c.code, c.mac)
		})
	}
}

// checkAnswer looks at the answer that a signer makes (RFC 8945 §5.3.2).
func checkAnswer(t *testing.T, s *tsig.Signer, msg []byte, code uint16, mac bool) {
	q, in := new(dns.Msg), new(dns.Msg)
	require.NoError(t, q.Unpack(msg))
	asked := q.IsTsig()
	assert.Equal(t, code, s.Code())
	assert.Equal(t, dns.CanonicalName(asked.Hdr.Name), s.KeyName())
	assert.Equal(t, mac, s.Key() != nil)
	plain := answer(t, msg, dns.RcodeNotAuth)
	out, err := s.Sign(bytes.Clone(plain), now)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(out)-len(plain), s.Room())
	require.NoError(t, in.Unpack(out))
	ts := in.IsTsig()
	require.NotNil(t, ts)
	assert.Equal(t, code, ts.Error)
	assert.Equal(t, dns.CanonicalName(asked.Hdr.Name), ts.Hdr.Name)
	assert.Equal(t, dns.CanonicalName(asked.Algorithm), ts.Algorithm)
	assert.Equal(t, in.Id, ts.OrigId)
	assert.Equal(t, mac, ts.MACSize > 0, "whether the answer is signed")
	if code == dns.RcodeBadTime {
		assert.Equal(t, asked.TimeSigned, ts.TimeSigned, "the client's time comes back")
		assert.Equal(t, "00006ab13b80", ts.OtherData, "ours is in Other Data, 6 octets")
	} else {
		assert.Empty(t, ts.OtherData)
	}
	if !mac {
		return
	}
	bare, err := tsigkey.NewKeyring(s.Key()).Generate(digestByLibrary(t, plain, ts, asked.MAC), ts)
	require.NoError(t, err)
	assert.Equal(t, ts.MAC, hexOf(bare), "the MAC is what the library computes")
}

// TestAnAnswerIsSignedByTheSecretOfTheQuestion: several keys of one name are a
// rotation.
func TestAnAnswerIsSignedByTheSecretOfTheQuestion(t *testing.T) {
	next := tsigkey.FromSecret(key.Name, key.Algorithm, secret('b'))
	both := tsigkey.NewKeyring(next, key)
	for _, k := range []*tsigkey.Key{key, next} {
		msg, v, err := tsig.Request(k, question(t), now)
		require.NoError(t, err)
		s, err := tsig.Verify(both, msg, now)
		require.NoError(t, err)
		assert.Same(t, k, s.Key())
		out, err := s.Sign(answer(t, msg, dns.RcodeSuccess), now)
		require.NoError(t, err)
		require.NoError(t, v.Verify(out, now))
		assert.False(t, v.Pending())
	}
}

// TestRFC8945_Section5_3_1 signs a stream, and reads it with the library and as
// our own client does, also where messages between are not signed (row 118).
func TestRFC8945_Section5_3_1(t *testing.T) {
	for _, alg := range []string{"hmac-sha256", "hmac-sha384", "hmac-sha512"} {
		k := tsigkey.FromSecret("k.", alg, secret('k'))
		msg, v, err := tsig.Request(k, question(t), now)
		require.NoError(t, err)
		s, err := tsig.Verify(tsigkey.NewKeyring(k), msg, now)
		require.NoError(t, err)
		m := new(dns.Msg)
		require.NoError(t, m.Unpack(msg))
		prior := m.IsTsig().MAC
		for i := range 5 {
			at := now.Add(time.Duration(i) * time.Second)
			out, err := s.Sign(answer(t, msg, dns.RcodeSuccess), at)
			require.NoError(t, err)
			require.NoError(t, v.Verify(out, at), "message %d", i)
			require.NoError(t, m.Unpack(out))
			ts := m.IsTsig()
			want, err := tsigkey.NewKeyring(k).Generate(digestOf(t, answer(t, msg, dns.RcodeSuccess), ts, prior, i > 0), ts)
			require.NoError(t, err)
			assert.Equal(t, hexOf(want), ts.MAC, "message %d", i)
			prior = ts.MAC
		}
	}
}

func TestMessagesBetweenMayBeUnsigned(t *testing.T) {
	for _, c := range []struct {
		between int
		err     error
	}{{0, nil}, {1, nil}, {99, nil}, {100, tsig.ErrUnsigned}} {
		msg, v, err := tsig.Request(key, question(t), now)
		require.NoError(t, err)
		s, err := tsig.Verify(ring, msg, now)
		require.NoError(t, err)
		plain := answer(t, msg, dns.RcodeSuccess)
		assert.True(t, v.Pending(), "nothing came")
		first, err := s.Sign(bytes.Clone(plain), now)
		require.NoError(t, err)
		require.NoError(t, v.Verify(first, now))
		var got error
		for i := 0; i < c.between && got == nil; i++ {
			got = v.Verify(plain, now)
			assert.True(t, v.Pending(), "it must not end here")
		}
		require.ErrorIs(t, got, c.err, "%d between", c.between)
	}
}

// TestRFC8945_Section5_4 holds row 117: which answers do not count for a client.
func TestRFC8945_Section5_4(t *testing.T) {
	ask := func(t *testing.T) ([]byte, *tsig.Signer, *tsig.Verifier) {
		msg, v, err := tsig.Request(key, question(t), now)
		require.NoError(t, err)
		s, _ := tsig.Verify(ring, msg, now)
		return msg, s, v
	}
	t.Run("unsigned", func(t *testing.T) {
		msg, _, v := ask(t)
		require.ErrorIs(t, v.Verify(answer(t, msg, dns.RcodeSuccess), now), tsig.ErrUnsigned)
	})
	t.Run("by another key", func(t *testing.T) {
		msg, _, v := ask(t)
		require.ErrorIs(t, v.Verify(signed(t, tsigkey.FromSecret("other.", "hmac-sha512", secret('o')), now), now), tsig.ErrBadKey)
		require.ErrorIs(t, v.Verify(msg, now), tsig.ErrBadSig, "the question sent back")
	})
	t.Run("changed, stale", func(t *testing.T) {
		msg, s, v := ask(t)
		out, err := s.Sign(answer(t, msg, dns.RcodeSuccess), now)
		require.NoError(t, err)
		changed := bytes.Clone(out)
		changed[3] ^= 5
		require.ErrorIs(t, v.Verify(changed, now), tsig.ErrBadSig)
		require.ErrorIs(t, v.Verify(out, now.Add(time.Hour)), tsig.ErrBadTime)
		require.ErrorIs(t, v.Verify(out[:20], now), tsig.ErrForm)
	})
	for at, want := range map[time.Duration]error{0: tsig.ErrRefused, time.Hour: tsig.ErrBadTime} {
		msg, v, err := tsig.Request(key, question(t), now.Add(at))
		require.NoError(t, err)
		keys := ring
		if at == 0 {
			keys = tsigkey.NewKeyring()
		}
		s, err := tsig.Verify(keys, msg, now)
		require.Error(t, err)
		out, err := s.Sign(answer(t, msg, dns.RcodeNotAuth), now)
		require.NoError(t, err)
		got := v.Verify(out, now.Add(at))
		require.ErrorIs(t, got, tsig.ErrRefused)
		require.ErrorIs(t, got, want)
	}
}

func TestCodeName(t *testing.T) {
	for code, want := range map[uint16]string{0: "NOERROR", 16: "BADSIG", 17: "BADKEY", 18: "BADTIME", 22: "BADTRUNC", 4000: "4000"} {
		assert.Equal(t, want, tsig.CodeName(code))
	}
}

func TestWhatIsTooShortIsNotSigned(t *testing.T) {
	_, _, err := tsig.Request(key, make([]byte, 11), now)
	require.Error(t, err)
	s, err := tsig.Verify(ring, signed(t, key, now), now)
	require.NoError(t, err)
	_, err = s.Sign(make([]byte, 11), now)
	require.Error(t, err)
}

// FuzzVerify: no octets do harm; what verifies verifies for the library too, and
// whatever can be answered is answered with a message that it can read.
func FuzzVerify(f *testing.F) {
	good := signed(f, key, now)
	f.Add(good)
	f.Add(question(f))
	f.Add(cut(f, good, 16))
	f.Add(signed(f, key, now.Add(-time.Hour)))
	f.Add(signed(f, tsigkey.FromSecret("nobody.", "hmac-sha256", secret('a')), now))
	f.Add(edited(f, good, func(m *dns.Msg, ts *dns.TSIG) { m.Extra = []dns.RR{ts, ts} }))
	f.Fuzz(func(t *testing.T, msg []byte) {
		s, err := tsig.Verify(ring, msg, now)
		_, v, _ := tsig.Request(key, question(t), now)
		_ = v.Verify(msg, now)
		if s == nil {
			return
		}
		plain := question(t)
		out, e := s.Sign(bytes.Clone(plain), now)
		require.NoError(t, e)
		assert.LessOrEqual(t, len(out)-len(plain), s.Room())
		m := new(dns.Msg)
		require.NoError(t, m.Unpack(out))
		require.NotNil(t, m.IsTsig())
		if err == nil {
			assert.Equal(t, binary.BigEndian.Uint16(out), m.IsTsig().OrigId)
			assert.Same(t, key, s.Key())
		}
	})
}
