// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"net/netip"
	"strings"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// recordTypes are the numbers of the record types that a ZoneDelegation can hold
// (IANA DNS Parameters, Resource Record TYPEs).
var recordTypes = map[string]uint16{
	"A": 1, "NS": 2, "CNAME": 5, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "CAA": 257,
}

// zoneRecords reads the static records of a zone. Those that break a rule are left
// out and said.
func zoneRecords(zd *gslbv1beta1.ZoneDelegation, zone gslb.Name) ([]gslb.Record, []Finding) {
	var records []gslb.Record
	var findings []Finding
	others := typesByName(zd.Spec.Records)
	for i := range zd.Spec.Records {
		r := &zd.Spec.Records[i]
		path := fmt.Sprintf("spec.records[%d]", i)
		made, err := recordSet(r, zone, others)
		if err != nil {
			findings = append(findings, zoneFinding(zd, gslbv1beta1.ReasonInvalidSpec, true, path,
				fmt.Sprintf("%v; the record is left out", err)))
			continue
		}
		records = append(records, made...)
	}
	return records, findings
}

func typesByName(records []gslbv1beta1.Record) map[string][]string {
	types := make(map[string][]string, len(records))
	for i := range records {
		types[records[i].Name] = append(types[records[i].Name], records[i].Type)
	}
	return types
}

func recordSet(r *gslbv1beta1.Record, zone gslb.Name, others map[string][]string) ([]gslb.Record, error) {
	name := zone
	if r.Name != "@" {
		var err error
		if name, err = gslb.ParseHost(r.Name + "." + zone.String()); err != nil {
			return nil, err
		}
	}
	number, known := recordTypes[r.Type]
	if !known {
		return nil, fmt.Errorf("type %q is not one of A, AAAA, CAA, CNAME, MX, NS, SRV, TXT", r.Type)
	}
	if r.Type == "CNAME" && len(others[r.Name]) > 1 { // RFC 1034 §3.6.2
		return nil, fmt.Errorf("a CNAME stands alone, and %s has %s too", r.Name, strings.Join(others[r.Name], ", "))
	}
	var set []gslb.Record
	for _, value := range r.RData {
		data := strings.TrimSpace(string(value))
		if err := checkAddress(r.Type, data); err != nil {
			return nil, err
		}
		if r.Type == "TXT" {
			data = quoteTXT(data)
		}
		set = append(set, gslb.Record{Name: name, Type: number, TTL: ttlSeconds(r.TTLOrDefault()), Data: data})
	}
	return set, nil
}

func checkAddress(kind, data string) error {
	if kind != "A" && kind != "AAAA" {
		return nil
	}
	addr, err := netip.ParseAddr(data)
	switch {
	case err != nil || addr.Zone() != "":
		return fmt.Errorf("%q is not an IP address", data)
	case addr.Is4() != (kind == "A"):
		return fmt.Errorf("%s does not go with type %s", data, kind)
	}
	return nil
}

// maxString is the length of one character-string (RFC 1035 §3.3).
const maxString = 255

// quoteTXT writes a value without quotes as zone files do: one string, or as many
// as its length takes. A value with quotes is written as a zone file already.
func quoteTXT(data string) string {
	if strings.HasPrefix(data, `"`) {
		return data
	}
	var words []string
	for len(data) > maxString {
		words = append(words, quoted(data[:maxString]))
		data = data[maxString:]
	}
	return strings.Join(append(words, quoted(data)), " ")
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
