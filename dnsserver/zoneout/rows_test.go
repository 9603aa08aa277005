// SPDX-License-Identifier: Apache-2.0

package zoneout_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/dnsserver/zoneout"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// served is a server with one zone of a few hosts.
func served(t testing.TB, adjust ...func(*zoneout.Config)) *publisher {
	t.Helper()
	p := &publisher{t: t, worlds: dnstest.NewWorlds(t, cloud), server: newServer(t, adjust...)}
	p.worlds.Set(many(3)...)
	p.publish()
	return p
}

// TestRows33To35_WhoMayTransferWhat: the number of the row is in each name.
func TestRows33To35_WhoMayTransferWhat(t *testing.T) {
	p := served(t)
	serial := p.table.World().Zones[0].Serial
	axfr := func(name string) *dns.Msg { return new(dns.Msg).SetAxfr(name) }
	ixfr := func(serial uint32) *dns.Msg { return new(dns.Msg).SetIxfr(cloud+".", serial, "ns.", "mbox.") }
	with := func(m *dns.Msg, f func(m *dns.Msg)) *dns.Msg { f(m); return m }
	for _, c := range []struct {
		why   string
		key   *tsigkey.Key
		from  netip.AddrPort
		udp   bool
		ask   *dns.Msg
		taken bool
		rcode string
		least int // records
		most  int
	}{
		{"34: AXFR with a key", key, far, false, axfr(cloud + "."), true, "NOERROR", 9, 99},
		{"34: AXFR with the other key", other, far, false, axfr(cloud + "."), true, "NOERROR", 9, 99},
		{"34: AXFR from an allowed address", nil, near, false, axfr(cloud + "."), true, "NOERROR", 9, 99},
		{"34: the same as IPv4 in IPv6", nil, netip.MustParseAddrPort("[::ffff:192.0.2.1]:53"), false, axfr(cloud + "."), true, "NOERROR", 9, 99},
		{"34: in capitals", key, far, false, axfr("CLOUD.Example.COM."), true, "NOERROR", 9, 99},
		{"34: AXFR of a stranger", nil, far, false, axfr(cloud + "."), false, "", 0, 0},
		{"34: AXFR with a key that is not ours", alien, near, false, axfr(cloud + "."), false, "", 0, 0},
		{"33: AXFR over UDP", key, far, true, axfr(cloud + "."), true, "REFUSED", 0, 0},
		{"33: AXFR over UDP, not signed", nil, near, true, axfr(cloud + "."), true, "REFUSED", 0, 0},
		{"33: AXFR over UDP of a stranger", nil, far, true, axfr(cloud + "."), false, "", 0, 0},
		{"35: IXFR of a stranger", nil, far, false, ixfr(1), false, "", 0, 0},
		{"35: IXFR with a key that is not ours", alien, far, false, ixfr(1), false, "", 0, 0},
		{"35: IXFR from a serial that nobody was handed", key, far, false, ixfr(serial - 1), true, "NOERROR", 9, 99},
		{"35: IXFR that is current", key, far, false, ixfr(serial), true, "NOERROR", 1, 1},
		{"35: IXFR that is ahead of us", key, far, false, ixfr(serial + 5), true, "NOERROR", 1, 1},
		{"35: IXFR over UDP", key, far, true, ixfr(serial - 1), true, "NOERROR", 1, 1},
		{"35: IXFR without the SOA of the asker", key, far, false, with(ixfr(1), func(m *dns.Msg) { m.Ns = nil }), true, "FORMERR", 0, 0},
		{"35: IXFR with another SOA", key, far, false, with(ixfr(1), func(m *dns.Msg) { m.Ns[0].Header().Name = "example.com." }), true, "FORMERR", 0, 0},
		{"below the apex", key, far, false, axfr("a." + cloud + "."), true, "NOTAUTH", 0, 0},
		{"not ours", key, far, false, axfr("example.com."), true, "NOTAUTH", 0, 0},
		{"a name that gslb does not know", key, far, false, axfr(`a\.b.example.com.`), true, "NOTAUTH", 0, 0},
		{"the root", key, far, false, axfr("."), true, "NOTAUTH", 0, 0},
		{"class CH", key, far, false, with(axfr(cloud+"."), func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }), true, "REFUSED", 0, 0},
		{"EDNS version 1", key, far, false, with(axfr(cloud+"."), func(m *dns.Msg) { m.SetEdns0(1232, true).IsEdns0().SetVersion(1) }), true, "BADVERS", 0, 0},
		{"NOTIFY with a transfer key", key, far, false, new(dns.Msg).SetNotify(cloud + "."), true, "REFUSED", 0, 0},
		{"UPDATE with a transfer key", key, far, false, new(dns.Msg).SetUpdate(cloud + "."), true, "REFUSED", 0, 0},
		{"another opcode with a transfer key", key, far, false, with(axfr(cloud+"."), func(m *dns.Msg) { m.Opcode = 13 }), true, "NOTIMP", 0, 0},
		{"a question with a transfer key", key, far, false, new(dns.Msg).SetQuestion(cloud+".", dns.TypeSOA), true, "NOERROR", 0, 0},
		{"a question of an allowed address", nil, near, false, new(dns.Msg).SetQuestion(cloud+".", dns.TypeSOA), false, "", 0, 0},
		{"NOTIFY of an allowed address", nil, near, false, new(dns.Msg).SetNotify(cloud + "."), false, "", 0, 0},
	} {
		t.Run(c.why, func(t *testing.T) {
			a := (&secondary{t: t, server: p.server, key: c.key, from: c.from, udp: c.udp}).ask(c.ask)
			require.Equal(t, c.taken, a.taken)
			if !c.taken {
				assert.Empty(t, a.messages)
				return
			}
			m := a.messages[0]
			rcode := dns.RcodeToString[m.Rcode]
			if opt := m.IsEdns0(); opt != nil {
				rcode = dns.RcodeToString[m.Rcode&0xF|opt.ExtendedRcode()]
				assert.Zero(t, opt.Version())
			}
			assert.Equal(t, strings.Replace(c.rcode, "BADVERS", "BADSIG", 1), strings.Replace(rcode, "BADVERS", "BADSIG", 1))
			assert.GreaterOrEqual(t, len(a.records), c.least)
			assert.LessOrEqual(t, len(a.records), c.most)
			assert.Equal(t, len(a.records) > 0, m.Authoritative)
			assert.Equal(t, c.ask.IsEdns0() != nil, m.IsEdns0() != nil, "OPT answers OPT")
		})
	}
}

// TestRows111To115: who signs wrongly with a key of ours is told how; who signs with
// another is left to others.
func TestRows111To115_WrongSignatures(t *testing.T) {
	p := served(t)
	wrong := tsigkey.FromSecret(key.Name, key.Algorithm, []byte("another secret of thirty-two byte"))
	for _, c := range []struct {
		why  string
		key  *tsigkey.Key
		at   time.Duration
		code uint16 // 0: not taken
	}{
		{"111: unknown key", alien, 0, 0},
		{"111: other algorithm", tsigkey.FromSecret(key.Name, "hmac-sha512", []byte("x")), 0, 0},
		{"112: wrong secret", wrong, 0, dns.RcodeBadSig},
		{"113: an hour ago", key, -time.Hour, dns.RcodeBadTime},
		{"114: wrong secret, an hour ago", wrong, -time.Hour, dns.RcodeBadSig},
	} {
		for _, m := range []*dns.Msg{new(dns.Msg).SetAxfr(cloud + "."), new(dns.Msg).SetQuestion(cloud+".", dns.TypeSOA), new(dns.Msg).SetUpdate(cloud + ".")} {
			m.SetTsig(c.key.Name, c.key.Algorithm, 300, time.Now().Add(c.at).Unix())
			wire, _, err := dns.TsigGenerateWithProvider(m, tsigkey.NewKeyring(c.key), "", false)
			require.NoError(t, err)
			a := (&secondary{t: t, server: p.server, from: near}).send(wire, m.Id, nil)
			require.Equal(t, c.code != 0, a.taken, c.why)
			if c.code == 0 {
				continue
			}
			require.Len(t, a.messages, 1, c.why)
			assert.Equal(t, "NOTAUTH", a.rcode(), c.why)
			assert.Empty(t, a.records)
			ts := a.messages[0].IsTsig()
			require.NotNil(t, ts, c.why)
			assert.Equal(t, c.code, ts.Error, c.why)
			assert.Equal(t, c.code == dns.RcodeBadTime, ts.MACSize > 0, c.why)
		}
	}
}

func TestBeforeATableIsReadyTheAnswerIsSERVFAIL(t *testing.T) {
	s := newServer(t)
	a := (&secondary{t: t, server: s, key: key, from: far}).axfr(cloud)
	assert.Equal(t, "SERVFAIL", a.rcode())
	w := dnstest.NewWorlds(t, cloud)
	w.NotReady()
	s.Publish(dnstest.Table(t, nil, w.Set(many(1)...)))
	a = (&secondary{t: t, server: s, key: key, from: far}).ixfr(cloud, 1)
	assert.Equal(t, "SERVFAIL", a.rcode())
}

func TestAZoneThatWentIsNotOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{t: t, worlds: dnstest.NewWorlds(t, cloud, "other.example.org"), server: newServer(t)}
		p.publish()
		client := &secondary{t: t, server: p.server, key: key, from: far}
		_, serial := whole(t, client.axfr("other.example.org").records)
		p.worlds.SetZones(dnstest.Zone(cloud))
		p.publish()
		assert.Equal(t, "NOTAUTH", client.axfr("other.example.org").rcode())
		time.Sleep(2 * time.Second)
		p.worlds.SetZones(dnstest.Zone(cloud), dnstest.Zone("other.example.org"))
		time.Sleep(2 * time.Second)
		p.publish()
		if a := client.ixfr("other.example.org", serial); len(a.records) > 1 {
			whole(t, a.records) // nothing is remembered of before
		}
	})
}

// TestWhoDoesNotReadKeepsAPlaceOnly: transfers are bounded in total and by address, and
// one that breaks off is not taken for done.
func TestTransfersAreBounded(t *testing.T) {
	reg := prometheus.NewRegistry()
	p := served(t, func(c *zoneout.Config) { c.Registerer = reg })
	release, holding := make(chan struct{}), make(chan struct{})
	broken := errors.New("connection reset")
	hold := func(from netip.AddrPort) {
		wire, err := new(dns.Msg).SetAxfr(cloud + ".").Pack()
		require.NoError(t, err)
		p.server.ServeSlow(t.Context(), wire, from, true, func([]byte) error {
			holding <- struct{}{}
			<-release
			return broken
		})
	}
	at := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 53)
	}
	done := make(chan struct{})
	start := func(from netip.AddrPort) {
		go func() { hold(from); done <- struct{}{} }()
		<-holding
	}
	for range 8 {
		start(at(1))
	}
	assert.Equal(t, "SERVFAIL", (&secondary{t: t, server: p.server, from: at(1)}).axfr(cloud).rcode(), "eight of one address")
	assert.Equal(t, "NOERROR", (&secondary{t: t, server: p.server, from: at(2)}).axfr(cloud).rcode())
	for i := range 24 {
		start(at(3 + i/8))
	}
	assert.Equal(t, "SERVFAIL", (&secondary{t: t, server: p.server, from: at(9)}).axfr(cloud).rcode(), "32 of all")
	serial := p.table.World().Zones[0].Serial
	assert.Len(t, (&secondary{t: t, server: p.server, from: at(9)}).ixfr(cloud, serial).records, 1, "the SOA needs no place")
	close(release)
	for range 32 {
		<-done
	}
	assert.Equal(t, "NOERROR", (&secondary{t: t, server: p.server, from: at(9)}).axfr(cloud).rcode())
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP meridian_zoneout_transfers_in_flight Transfers that are being sent.
# TYPE meridian_zoneout_transfers_in_flight gauge
meridian_zoneout_transfers_in_flight 0
# HELP meridian_zoneout_transfers_total Requests for a transfer, by kind (AXFR or IXFR) and result: whole (the whole zone), differences, serial (the SOA alone), broken (begun and not ended), busy (too many at once), or the RCODE of a refusal.
# TYPE meridian_zoneout_transfers_total counter
meridian_zoneout_transfers_total{kind="AXFR",result="broken"} 32
meridian_zoneout_transfers_total{kind="AXFR",result="busy"} 2
meridian_zoneout_transfers_total{kind="AXFR",result="whole"} 2
meridian_zoneout_transfers_total{kind="IXFR",result="differences"} 0
meridian_zoneout_transfers_total{kind="IXFR",result="serial"} 1
meridian_zoneout_transfers_total{kind="IXFR",result="whole"} 0
`), "meridian_zoneout_transfers_in_flight", "meridian_zoneout_transfers_total"))
}

func TestATransferEndsWithItsConnection(t *testing.T) {
	p := served(t)
	wire, err := new(dns.Msg).SetAxfr(cloud + ".").Pack()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	replies := 0
	assert.True(t, p.server.ServeSlow(ctx, wire, near, true, func([]byte) error { replies++; return nil }))
	assert.Zero(t, replies)
}

func TestWrongConfigurations(t *testing.T) {
	_, err := zoneout.New(zoneout.Config{})
	require.ErrorContains(t, err, "a way to answer plain questions")
	plain := func([]byte, netip.Addr, bool, int) []byte { return nil }
	_, err = zoneout.New(zoneout.Config{Plain: plain, Notify: []zoneout.Secondary{{}}})
	require.ErrorContains(t, err, "has no address")
	reg := prometheus.NewRegistry()
	_, err = zoneout.New(zoneout.Config{Plain: plain, Registerer: reg})
	require.NoError(t, err)
	_, err = zoneout.New(zoneout.Config{Plain: plain, Registerer: reg})
	require.ErrorContains(t, err, "registering metrics")
}

// FuzzServeSlow: whatever an allowed address sends, nothing breaks, and what is
// answered can be read.
func FuzzServeSlow(f *testing.F) {
	p := served(f)
	for _, m := range []*dns.Msg{
		new(dns.Msg).SetAxfr(cloud + "."), new(dns.Msg).SetIxfr(cloud+".", 1, "ns.", "mbox."),
		new(dns.Msg).SetNotify(cloud + "."), new(dns.Msg).SetAxfr(cloud+".").SetEdns0(512, true),
	} {
		wire, err := m.Pack()
		require.NoError(f, err)
		f.Add(wire, true)
		f.Add(wire, false)
	}
	f.Fuzz(func(t *testing.T, msg []byte, tcp bool) {
		p.server.ServeSlow(t.Context(), msg, near, tcp, func(out []byte) error {
			return new(dns.Msg).Unpack(out)
		})
	})
}
