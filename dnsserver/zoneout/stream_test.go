// SPDX-License-Identifier: Apache-2.0

package zoneout_test

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/dnsserver/zoneout"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// TestRFC5936_AZoneOfManyMessages: messages are full, names compressed, and all of it
// is signed and whole.
func TestRFC5936_AZoneOfManyMessages(t *testing.T) {
	p := served(t)
	big := gslb.Record{Name: gslb.MustName("big." + cloud), Type: 65400, TTL: 60, Data: `\# 31000 ` + fmt.Sprintf("%062000d", 0)}
	z := dnstest.Zone(cloud)
	z.Records = []gslb.Record{big}
	p.worlds.SetZones(z)
	p.worlds.Set(many(3000)...)
	p.server = newServer(t) // which hands out the first version that it sees
	p.publish()
	for _, k := range []*tsigkey.Key{key, nil} {
		m := new(dns.Msg).SetAxfr(cloud + ".")
		m.SetEdns0(1232, true)
		a := (&secondary{t: t, server: p.server, key: k, from: near}).ask(m)
		require.Greater(t, len(a.messages), 4)
		c, _ := whole(t, a.records)
		assert.Len(t, c, 2+2*3000+1, "SOA, NS, hosts, the long record")
		for i, m := range a.messages {
			assert.True(t, m.Authoritative)
			assert.Equal(t, i == 0, len(m.Question) == 1, "the question is in the first message")
			assert.Equal(t, i == 0, m.IsEdns0() != nil, "and OPT")
			m.Compress = true
			assert.Less(t, m.Len(), 34<<10)
			if i > 1 && i < len(a.messages)-2 {
				assert.Greater(t, m.Len(), 20<<10, "message %d is full", i)
			}
		}
	}
}

// TestTransfersOverTCPAndTLS asks a whole server with the client of the library.
func TestTransfersOverTCPAndTLS(t *testing.T) {
	crt, pkey := certificate(t)
	p := &publisher{t: t, worlds: dnstest.NewWorlds(t, cloud)}
	p.worlds.Set(many(2000)...)
	path := new(dnsserver.SlowPath)
	s, addr := dnstest.Serve(t, dnsserver.Config{
		SlowPath: slowPath{path}, TLSListen: []string{"127.0.0.1:0"}, TLSCertFile: crt, TLSKeyFile: pkey,
	}, nil)
	p.server = newServer(t, func(c *zoneout.Config) { c.Plain = s.Plain })
	*path = p.server
	p.publish()
	s.Publish(p.table)
	serial := p.table.World().Zones[0].Serial

	transfer := func(c *dns.Conn, k *tsigkey.Key, m *dns.Msg) ([]dns.RR, error) {
		if k != nil {
			m.SetTsig(k.Name, k.Algorithm, 300, time.Now().Unix())
		}
		tr := &dns.Transfer{Conn: c, TsigProvider: tsigkey.NewKeyring(key, other, alien)}
		if c.TsigProvider = tr.TsigProvider; k == nil {
			tr.TsigProvider = nil
		}
		in, err := tr.In(m, "")
		if err != nil {
			return nil, err
		}
		var all []dns.RR
		for e := range in {
			if e.Error != nil {
				err = e.Error
			}
			all = append(all, e.RR...)
		}
		return all, err
	}
	tcp := func() *dns.Conn { return dnstest.Dial(t, "tcp", addr) }
	overTLS := func() *dns.Conn {
		c, err := tls.Dial("tcp", s.TLSAddrs()[0].String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"dot"}, MinVersion: tls.VersionTLS13})
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		assert.Equal(t, "dot", c.ConnectionState().NegotiatedProtocol, "RFC 9103 §7.1")
		return &dns.Conn{Conn: c}
	}
	for name, dial := range map[string]func() *dns.Conn{"TCP": tcp, "TLS": overTLS} {
		t.Run(name, func(t *testing.T) {
			for _, k := range []*tsigkey.Key{key, other} {
				got, err := transfer(dial(), k, new(dns.Msg).SetAxfr(cloud+"."))
				require.NoError(t, err)
				c, at := whole(t, got)
				assert.Equal(t, serial, at)
				assert.Len(t, c, 2+2*2000)
			}
			got, err := transfer(dial(), key, new(dns.Msg).SetIxfr(cloud+".", serial, "ns.", "mbox."))
			require.NoError(t, err)
			assert.Len(t, got, 1)
			_, err = transfer(dial(), nil, new(dns.Msg).SetAxfr(cloud+"."))
			require.ErrorContains(t, err, "bad xfr rcode: 5", "unsigned: REFUSED")
			_, err = transfer(dial(), alien, new(dns.Msg).SetAxfr(cloud+"."))
			require.Error(t, err)
		})
	}
	signedQuestions(t, addr, serial)
}

// signedQuestions asks as BIND does before it transfers: the SOA, signed.
func signedQuestions(t *testing.T, addr netip.AddrPort, serial uint32) {
	for _, network := range []string{"udp", "tcp"} {
		for _, edns := range []bool{false, true} {
			m := new(dns.Msg).SetQuestion(cloud+".", dns.TypeSOA)
			if edns {
				m.SetEdns0(1232, false)
			}
			m.SetTsig(key.Name, key.Algorithm, 300, time.Now().Unix())
			c := &dns.Client{Net: network, TsigProvider: tsigkey.NewKeyring(key)}
			in, _, err := c.ExchangeContext(t.Context(), m, addr.String())
			require.NoError(t, err, "the library verifies the answer")
			require.NotNil(t, in.IsTsig(), network)
			assert.True(t, in.Authoritative)
			require.Len(t, in.Answer, 1)
			assert.Equal(t, serial, serialOf(t, in.Answer[0]))
			assert.Equal(t, edns, in.IsEdns0() != nil)
		}
	}
}

// slowPath leads to a part that is made after the server.
type slowPath struct{ to *dnsserver.SlowPath }

// TestAVersionNeverChanges: what changes within the second of a serial is not in its
// version, whoever asks.
func TestAVersionNeverChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{t: t, worlds: dnstest.NewWorlds(t, cloud), server: newServer(t)}
		p.worlds.Set(many(20)...)
		p.change(1)
		client := &secondary{t: t, server: p.server, key: key, from: far}
		have, serial := whole(t, client.axfr(cloud).records)
		p.change(2)
		have, serial, _ = apply(t, have, serial, client.ixfr(cloud, serial).records)
		p.worlds.Set(dnstest.Host{Name: "changing." + cloud, Addrs: []string{"192.0.2.3"}})
		p.publish()
		require.Equal(t, serial, p.table.World().Zones[0].Serial, "the serial may not move yet")
		got, at := whole(t, client.axfr(cloud).records)
		assert.Equal(t, serial, at)
		assert.Equal(t, have, got)
		time.Sleep(1100 * time.Millisecond)
		p.publish()
		have, serial, by := apply(t, have, serial, client.ixfr(cloud, serial).records)
		assert.True(t, by)
		got, at = whole(t, client.axfr(cloud).records)
		assert.Equal(t, serial, at)
		assert.Equal(t, have, got)
		assert.Equal(t, p.table.World().Zones[0].Serial, at)
	})
}

// TestAJournalIsBounded: what is too long ago is answered with the whole zone.
func TestAJournalIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		p := &publisher{t: t, worlds: dnstest.NewWorlds(t, cloud), server: newServer(t, func(c *zoneout.Config) { c.Registerer = reg })}
		p.worlds.Set(many(100)...)
		p.publish()
		often, seldom := &secondary{t: t, server: p.server, key: key, from: far}, &secondary{t: t, server: p.server, key: other, from: far}
		have, serial := whole(t, often.axfr(cloud).records)
		old, since := whole(t, seldom.axfr(cloud).records)
		for n := range 1100 {
			p.change(1 + n%200)
			var by bool
			have, serial, by = apply(t, have, serial, often.ixfr(cloud, serial).records)
			require.True(t, by)
			if n == 900 {
				_, _, by = apply(t, old, since, seldom.ixfr(cloud, since).records)
				require.True(t, by, "nine hundred steps back, in one")
				seldom.from = near // who has the same serial still
				whole(t, seldom.ixfr(cloud, since).records)
				seldom.from = far
			}
		}
		assert.LessOrEqual(t, gauge(t, reg, "meridian_zoneout_journal_records"), 2000.0)
		got, at, by := apply(t, old, since, seldom.ixfr(cloud, since).records)
		assert.False(t, by, "too long ago")
		assert.Equal(t, serial, at)
		assert.Equal(t, have, got)
	})
}

// TestNobodyComesAndNothingIsKept: without secondaries no difference is worked out,
// and what one left behind is forgotten.
func TestNobodyComesAndNothingIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		p := &publisher{t: t, worlds: dnstest.NewWorlds(t, cloud), server: newServer(t, func(c *zoneout.Config) { c.Registerer = reg })}
		p.worlds.Set(many(50)...)
		p.publish()
		running(t, p.server)
		for n := range 5 {
			p.change(n)
		}
		assert.Zero(t, gauge(t, reg, "meridian_zoneout_journal_records"))
		client := &secondary{t: t, server: p.server, key: key, from: far}
		have, serial := whole(t, client.axfr(cloud).records)
		time.Sleep(24 * time.Hour) // nothing changes: it may be away for long
		p.change(10)
		have, serial, by := apply(t, have, serial, client.ixfr(cloud, serial).records)
		assert.True(t, by)
		assert.Equal(t, 2.0, gauge(t, reg, "meridian_zoneout_journal_records"))
		p.change(11)
		time.Sleep(16 * time.Minute)
		assert.Zero(t, gauge(t, reg, "meridian_zoneout_journal_records"), "it does not come any more")
		_, _, by = apply(t, have, serial, client.ixfr(cloud, serial).records)
		assert.False(t, by)
	})
}

func gauge(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
