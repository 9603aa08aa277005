// SPDX-License-Identifier: Apache-2.0

package update

import (
	"cmp"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// sorted gives a sorted copy.
func sorted(records []gslb.Record) []gslb.Record {
	out := slices.Clone(records)
	slices.SortFunc(out, func(a, b gslb.Record) int {
		return cmp.Or(a.Name.Compare(b.Name), int(a.Type)-int(b.Type), strings.Compare(a.Data, b.Data))
	})
	return out
}

// put adds a record to those of a cluster, or takes the place of the equal one; all
// of its RRset get its TTL (RFC 2136 §3.4.2.2, RFC 2181 §5.2).
func put(records []gslb.Record, add gslb.Record) []gslb.Record {
	found := false
	for i := range records {
		if r := &records[i]; r.Name == add.Name && r.Type == add.Type {
			r.TTL = add.TTL
			found = found || r.Data == add.Data
		}
	}
	if !found {
		records = append(records, add)
	}
	return records
}

// drop takes one record away.
func drop(records []gslb.Record, gone gslb.Record) []gslb.Record {
	return slices.DeleteFunc(records, func(r gslb.Record) bool {
		return r.Name == gone.Name && r.Type == gone.Type && r.Data == gone.Data
	})
}

// wipe takes all records of a name and type away, or of all types (RFC 2136
// §3.4.2.3).
func wipe(records []gslb.Record, name gslb.Name, t uint16) []gslb.Record {
	return slices.DeleteFunc(records, func(r gslb.Record) bool {
		return r.Name == name && (t == dns.TypeANY || r.Type == t)
	})
}

// without counts the records of a that b has not.
func without(a, b []gslb.Record) int {
	n := 0
	for _, r := range a {
		if !slices.Contains(b, r) {
			n++
		}
	}
	return n
}

// beyond says which bound the records of a cluster break; "" if none.
func beyond(records []gslb.Record) string {
	names, size := make(map[gslb.Name]int), 0
	for _, r := range records {
		size += len(r.Data)
		if names[r.Name]++; names[r.Name] > maxPerName {
			return "more records at one name than are kept"
		}
	}
	switch {
	case len(records) > maxHeld:
		return "more records in all than are kept"
	case size > maxHeldData:
		return "more data in all than are kept"
	}
	return ""
}

// record reads a record of the update section.
func record(name gslb.Name, rr dns.RR) (gslb.Record, int) {
	h := rr.Header()
	text := strings.TrimPrefix(rr.String(), h.String())
	data, err := rdata.Pack(h.Rrtype, text)
	if err != nil {
		return gslb.Record{}, dns.RcodeFormatError
	}
	if len(data.Wire) > maxData {
		return gslb.Record{}, dns.RcodeRefused
	}
	canonical, err := rdata.Canonical(h.Rrtype, text)
	if err != nil {
		return gslb.Record{}, dns.RcodeFormatError
	}
	return gslb.Record{Name: name, Type: h.Rrtype, TTL: min(max(h.Ttl, minTTL), maxTTL), Data: canonical}, dns.RcodeSuccess
}
