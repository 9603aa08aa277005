// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

func TestRows78To83_AnswersThatDoNotFit(t *testing.T) {
	w := dnstest.NewWorlds(t, zone)
	var huge []string
	for i := range 150 {
		huge = append(huge, fmt.Sprintf("10.1.0.%d", i+1))
	}
	table := dnstest.Table(t, nil, w.Set(append(exampleHosts(),
		dnstest.Host{Name: "huge." + zone, Addrs: huge}, dnstest.Host{Name: "ten." + zone, Addrs: huge[:10]})...))
	_, addr := dnstest.Serve(t, dnsserver.Config{}, table)
	for _, c := range []struct {
		host    string
		edns    uint16
		tcp     bool
		records int
		size    int
		why     string
	}{
		{"many", 0, false, 0, 512, "row 78: 60 addresses do not fit into 512 octets"},
		{"many", 4096, false, 60, 1232, "row 79: 1,006 octets fit"},
		{"many", 100, false, 0, 512, "row 80: less than 512 counts as 512, which is too little here"},
		{"ten", 100, false, 10, 512, "row 80: and enough here"},
		{"many", 900, false, 0, 900, "what the client says"},
		{"huge", 65535, false, 0, 1232, "row 81: never more than 1232 octets"},
		{"huge", 0, true, 150, 65535, "row 82: whole over TCP"},
		{"huge", 512, true, 150, 65535, "row 82: whatever OPT says"},
		{"app", 0, false, 1, 512, "the usual answer fits"},
	} {
		t.Run(c.why, func(t *testing.T) {
			query := dnstest.Query{Name: c.host + "." + zone, Type: dns.TypeA, EDNS: c.edns}.Msg()
			packed, err := query.Pack()
			require.NoError(t, err)
			send := dnstest.UDP
			if c.tcp {
				send = dnstest.TCP
			}
			got := send(t, addr, packed)
			assert.LessOrEqual(t, len(got), c.size)
			m := new(dns.Msg)
			require.NoError(t, m.Unpack(got))
			assert.Len(t, m.Answer, c.records, "row 83: all or nothing")
			assert.Equal(t, c.records == 0, m.Truncated)
			assert.True(t, m.Authoritative, "AA is kept")
			assert.Equal(t, c.edns > 0, m.IsEdns0() != nil, "OPT is there even if the answer is cut")
		})
	}
}

// A client that follows TC to TCP gets what did not fit.
func TestTCAndThenTCP(t *testing.T) {
	_, addr := dnstest.Serve(t, dnsserver.Config{}, exampleTable(t))
	q := dnstest.Query{Name: "many." + zone, Type: dns.TypeA}
	assert.True(t, dnstest.Ask(t, addr, q).Truncated)
	q.TCP = true
	assert.Len(t, dnstest.Ask(t, addr, q).Answer, 60)
}
