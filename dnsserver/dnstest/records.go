// SPDX-License-Identifier: Apache-2.0

package dnstest

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// Records reads lines of a zone file, "name TTL type data", as static records.
// Owners without a dot at their end are relative to the zone, "@" is the zone
// itself; names in data are as in records, absolute.
func Records(t testing.TB, zone, file string) []gslb.Record {
	t.Helper()
	var out []gslb.Record
	for line := range strings.Lines(file) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, ";") {
			continue
		}
		fields := strings.Fields(line)
		require.GreaterOrEqual(t, len(fields), 4, line)
		rrtype, err := rdata.ParseType(fields[2])
		require.NoError(t, err, line)
		data, err := rdata.Canonical(rrtype, strings.TrimSpace(line[strings.Index(line, " "+fields[2]+" ")+len(fields[2])+2:]))
		require.NoError(t, err, line)
		name := fields[0]
		switch {
		case name == "@":
			name = zone
		case !strings.HasSuffix(name, "."):
			name += "." + zone
		}
		ttl, err := dns.NewRR(". " + fields[1] + " IN TXT x")
		require.NoError(t, err, line)
		out = append(out, gslb.Record{Name: gslb.MustName(name), Type: rrtype, TTL: ttl.Header().Ttl, Data: data})
	}
	return out
}

// Static replaces the static records of a zone and gives the World with them.
func (w *Worlds) Static(zone string, records ...gslb.Record) *gslb.World {
	w.t.Helper()
	zones := slices.Clone(w.zones) // those before are the Store's
	at := slices.IndexFunc(zones, func(z gslb.ZoneIntent) bool { return z.Zone.String() == zone })
	require.GreaterOrEqual(w.t, at, 0, "no zone %s", zone)
	zones[at].Records = records
	return w.SetZones(zones...)
}
