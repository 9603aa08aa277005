// SPDX-License-Identifier: Apache-2.0

package answers_test

import (
	"encoding/binary"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
)

const (
	zone = "cloud.example.com"
	soa  = "cloud.example.com. 30 IN SOA gslb-ns-eu-cloud.example.com. hostmaster.cloud.example.com. %SERIAL% 300 60 604800 30"
)

// message makes the whole message that a server would send for a question.
func message(t testing.TB, table *answers.Table, q dnstest.Query, draw uint64) *dns.Msg {
	t.Helper()
	query := q.Msg()
	query.RecursionDesired = false
	packed, err := query.Pack()
	require.NoError(t, err)
	lower := make([]byte, answers.MaxName)
	n, err := dns.PackDomainName(dns.CanonicalName(dns.Fqdn(q.Name)), lower, 0, nil, false)
	require.NoError(t, err)
	f := table.Find(lower[:n], q.Type)
	packed[2] |= 0x80
	switch f.Kind {
	case answers.NXDomain:
		packed[3] = dns.RcodeNameError
	case answers.Refused:
		packed[3] = dns.RcodeRefused
	case answers.NotReady:
		packed[3] = dns.RcodeServerFailure
	case answers.Answer, answers.NoData, answers.Referral:
	}
	if packed[3] == 0 && f.Kind != answers.Referral || f.Kind == answers.NXDomain {
		packed[2] |= 4
	}
	packed, an := f.AppendAnswer(packed, draw)
	packed, ns := f.AppendAuthority(packed)
	ad, whole := 0, true
	if f.HasAdditional() {
		packed, ad, whole = f.AppendAdditional(packed, dns.MaxMsgSize, draw)
	}
	require.True(t, whole)
	for i, n := range []int{an, ns, ad} {
		binary.BigEndian.PutUint16(packed[6+2*i:], uint16(n))
	}
	m := new(dns.Msg)
	require.NoError(t, m.Unpack(packed))
	return m
}

// expect asks a table and compares; %SERIAL% stands for the zone's serial.
func expect(t testing.TB, table *answers.Table, q dnstest.Query, want dnstest.Expect) {
	t.Helper()
	want.WithSerials(table).Check(t, message(t, table, q, 0))
}

func build(t testing.TB, hosts ...dnstest.Host) *answers.Table {
	t.Helper()
	return dnstest.Table(t, nil, dnstest.NewWorlds(t, zone).Set(hosts...))
}

func lookup(table *answers.Table, name string, qtype uint16) answers.Result {
	return table.Lookup(gslb.MustName(name), qtype)
}
