// SPDX-License-Identifier: Apache-2.0

package rdata

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// TypeName gives the mnemonic of a type, or TYPE and its number where it has
// none (RFC 3597 §5).
func TypeName(t uint16) string {
	if t != dns.TypeNone && t != dns.TypeReserved {
		if s, ok := dns.TypeToString[t]; ok {
			return s
		}
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// ParseType reads a mnemonic like MX, or TYPE and a number (RFC 3597 §5), in any
// letter case. It also reads types of which no record can be served; [Servable]
// tells.
func ParseType(s string) (uint16, error) {
	up := strings.ToUpper(s)
	if t, ok := dns.StringToType[up]; ok && t != dns.TypeNone && t != dns.TypeReserved {
		return t, nil
	}
	if digits, ok := strings.CutPrefix(up, "TYPE"); ok {
		// ParseUint alone would take a sign or underscores in other bases only;
		// base 10 takes digits.
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return uint16(n), nil
		}
		return 0, fmt.Errorf("%q is not a record type: after TYPE comes a number from 1 to 65535", s)
	}
	return 0, fmt.Errorf("%q is not a record type; write one like A, CNAME or TXT, or TYPE and its number", s)
}

// Servable says why no static record of a type can be served; nil if it can.
func Servable(t uint16) error {
	why := ""
	switch {
	case t == 0, t == dns.TypeOPT, t >= 128 && t <= 255: // RFC 6895 §3.1
		why = "it is a type of messages, there is no data of it"
	case t == dns.TypeReserved:
		why = "the number is reserved"
	case t == dns.TypeSOA:
		why = "every zone has the one that is made for it"
	case t == dns.TypeDNAME:
		why = "nothing is synthesized from it; write a wildcard CNAME, or the names one by one"
	case t == dns.TypeSIG, t == dns.TypeRRSIG, t == dns.TypeNSEC, t == dns.TypeNSEC3, t == dns.TypeNSEC3PARAM, t == dns.TypeNXT,
		t == dns.TypeDNSKEY, t == dns.TypeCDNSKEY, t == dns.TypeCDS:
		why = "it belongs to the signing of a zone, and is made where a zone is signed"
	default:
		return nil
	}
	return fmt.Errorf("a record of type %s cannot be served: %s", TypeName(t), why)
}
