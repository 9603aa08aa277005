// SPDX-License-Identifier: Apache-2.0

package rdata

import (
	"reflect"
	"strings"

	"github.com/miekg/dns"
)

// lowerNames folds the names in the data of a record (RFC 4343 §3), so that
// clusters that spell a name differently state the same record. It reports that
// the names and addresses are all there: the library also reads data that ends
// early, as updates have it.
func lowerNames(rr dns.RR) bool { return lowerFields(reflect.ValueOf(rr).Elem()) }

func lowerFields(v reflect.Value) bool {
	whole := true
	for i := range v.NumField() {
		f, tag := v.Field(i), v.Type().Field(i).Tag.Get("dns")
		switch kind := f.Kind(); {
		case kind == reflect.Struct: // HTTPS is made of SVCB
			whole = lowerFields(f) && whole
		case tag == "a", tag == "aaaa":
			whole = f.Len() > 0 && whole
		case strings.HasSuffix(tag, "host"): // a gateway may be no name
			f.SetString(lower(f.String()))
		case !strings.HasSuffix(tag, "domain-name"):
		case kind == reflect.String:
			whole = f.Len() > 0 && whole
			f.SetString(lower(f.String()))
		case kind == reflect.Slice:
			for j := range f.Len() {
				f.Index(j).SetString(lower(f.Index(j).String()))
			}
		}
	}
	return whole
}

func lower(name string) string {
	if name == "" {
		return name
	}
	return dns.CanonicalName(name)
}

// nameIn gives where in the wire form of a type's data the name stands that the
// record leads to, and whether it may be compressed in messages: types of RFC
// 1035 only (RFC 3597 §4). -1: none.
func nameIn(t uint16) (at int, compress bool) {
	switch t {
	case dns.TypeNS, dns.TypeCNAME, dns.TypePTR, dns.TypeMB, dns.TypeMD, dns.TypeMF, dns.TypeMG, dns.TypeMR:
		return 0, true
	case dns.TypeMX:
		return 2, true
	case dns.TypeSRV:
		return 6, false
	case dns.TypeSVCB, dns.TypeHTTPS:
		return 2, false
	}
	return -1, false
}

// target gives the name that a record leads to, as text; "" if there is none.
func target(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.NS:
		return rr.Ns
	case *dns.CNAME:
		return rr.Target
	case *dns.PTR:
		return rr.Ptr
	case *dns.MX:
		return rr.Mx
	case *dns.SRV:
		return rr.Target
	case *dns.SVCB:
		return rr.Target
	case *dns.HTTPS:
		return rr.Target
	}
	return ""
}
