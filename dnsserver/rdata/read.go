// SPDX-License-Identifier: Apache-2.0

package rdata

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// maxText bounds the text of one record: the most that 65,535 octets can take,
// each as an escape of four characters, and some blanks.
const maxText = 4*65535 + 1024

// read gives the record and its wire form, checked, with names in lower case.
// The owner is the root.
func read(t uint16, data string) (dns.RR, []byte, error) {
	if err := Servable(t); err != nil {
		return nil, nil, err
	}
	if len(data) > maxText {
		return nil, nil, fmt.Errorf("data of %d characters is longer than any record", len(data))
	}
	data = strings.TrimSpace(data)
	var rr dns.RR
	wire, generic, err := parseGeneric(data)
	switch {
	case generic && err == nil:
		rr, err = unpack(t, wire)
	case !generic:
		rr, err = parseText(t, data)
	}
	if err == nil {
		given := len(wire)
		wire, err = pack(rr)
		if err == nil && generic && len(wire) != given {
			err = errors.New("it ends early, or names in it are compressed")
		}
	}
	if err == nil {
		if rr, err = unpack(t, wire); err == nil { // one spelling of escapes
			if !lowerNames(rr) {
				return nil, nil, wrong(t, data, errors.New("it ends early"))
			}
			wire, err = pack(rr)
		}
	}
	if err == nil {
		err = check(rr)
	}
	if err != nil {
		return nil, nil, wrong(t, data, err)
	}
	return rr, wire, nil
}

// parseGeneric reads the form for data of any type, \# LENGTH HEX (RFC 3597 §5),
// and reports whether it is that.
func parseGeneric(data string) (wire []byte, is bool, err error) {
	fields := strings.Fields(data)
	if len(fields) == 0 || fields[0] != `\#` {
		return nil, false, nil
	}
	if len(fields) < 2 {
		return nil, true, errors.New(`after \# comes the number of octets`)
	}
	n, err := strconv.ParseUint(fields[1], 10, 16)
	if err != nil {
		return nil, true, fmt.Errorf(`%q is not a number of octets`, fields[1])
	}
	wire, err = hex.DecodeString(strings.Join(fields[2:], ""))
	if err != nil {
		return nil, true, errors.New("what follows the number of octets is not hexadecimal")
	}
	if len(wire) != int(n) {
		return nil, true, fmt.Errorf("there are %d octets, not %d", len(wire), n)
	}
	return wire, true, nil
}

// parseText reads data as zone files write it. Names are absolute, with or
// without the dot at their end.
func parseText(t uint16, data string) (dns.RR, error) {
	if (t == dns.TypeTXT || t == dns.TypeSPF) && !strings.Contains(data, `"`) && data != "" {
		data = quoteAll(data)
	}
	if err := oneLine(data); err != nil {
		return nil, err
	}
	zp := dns.NewZoneParser(strings.NewReader(". 0 IN "+TypeName(t)+" "+data+"\n"), ".", "")
	zp.SetIncludeAllowed(false)
	rr, ok := zp.Next()
	if err := zp.Err(); err != nil {
		var bad *dns.ParseError
		text := strings.TrimPrefix(err.Error(), "dns: ")
		if at := strings.LastIndex(text, " at line: "); errors.As(err, &bad) && at >= 0 {
			text = text[:at]
		}
		return nil, errors.New(text)
	}
	if !ok {
		return nil, errors.New("it is not a record")
	}
	if rr.Header().Rrtype != t {
		return nil, errors.New("it is a record of another type")
	}
	return rr, nil
}

// quoteAll makes unquoted text one string, or as many as it needs: in an object
// "v=spf1 -all" is one value, unlike in a zone file.
func quoteAll(data string) string {
	if !strings.ContainsAny(data, "\\\n\r") && len(data) <= 255 {
		return `"` + data + `"`
	}
	var b strings.Builder
	b.WriteByte('"')
	for octets, i := 0, 0; i < len(data); octets++ {
		if octets > 0 && octets%255 == 0 {
			b.WriteString(`" "`)
		}
		n := 1
		if data[i] == '\\' {
			if i+1 == len(data) {
				return `\` // told by oneLine
			}
			n = escapeLen(data[i:])
		}
		b.WriteString(data[i : i+n])
		i += n
	}
	b.WriteByte('"')
	return b.String()
}

// escapeLen gives the characters of the escape at the start of s: \DDD or \X.
func escapeLen(s string) int {
	if len(s) >= 4 && isDigit(s[1]) && isDigit(s[2]) && isDigit(s[3]) {
		return 4
	}
	return 2
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// oneLine refuses what would end the data early or go on past it.
func oneLine(data string) error {
	if data == "" {
		return errors.New("there is none")
	}
	quoted := false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '\n' || c == '\r' || c == 0:
			return errors.New("it has more than one line")
		case c == '\\':
			if i++; i == len(data) {
				return errors.New("it ends with a backslash")
			}
			if data[i] == '\n' || data[i] == '\r' || data[i] == 0 {
				return errors.New("it has more than one line")
			}
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ';':
			return errors.New("a semicolon begins a comment; put the text into quotes")
		case c == '(' || c == ')':
			return errors.New("parentheses have no place in one line; put text into quotes")
		case c == '@' && (i == 0 || data[i-1] == ' ' || data[i-1] == '\t') && (i+1 == len(data) || data[i+1] == ' ' || data[i+1] == '\t'):
			return errors.New("there is no @; write the name in full")
		}
	}
	if quoted {
		return errors.New("a quote is not closed")
	}
	return nil
}

// pack gives the wire form of the data of a record.
func pack(rr dns.RR) ([]byte, error) {
	buf := make([]byte, dns.Len(rr)+64)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil { // the length was an estimate
		buf = make([]byte, ownerAndFixed+65535)
		n, err = dns.PackRR(rr, buf, 0, nil, false)
	}
	if err != nil {
		return nil, plainError(err)
	}
	return buf[ownerAndFixed:n], nil
}

// ownerAndFixed is how much stands before the data of a record of the root.
const ownerAndFixed = 11

// unpack reads the wire form of data. No octet may be left, and there must be
// some where the type asks for it.
func unpack(t uint16, wire []byte) (dns.RR, error) {
	h := dns.RR_Header{Name: ".", Rrtype: t, Class: dns.ClassINET, Rdlength: uint16(len(wire))}
	if _, known := dns.TypeToRR[t]; !known || t == dns.TypeNULL {
		return &dns.RFC3597{Hdr: h, Rdata: hex.EncodeToString(wire)}, nil
	}
	if len(wire) == 0 && t != dns.TypeAPL {
		return nil, errors.New("there is none")
	}
	rr, end, err := dns.UnpackRRWithHeader(h, wire, 0)
	if err != nil {
		return nil, plainError(err)
	}
	if end != len(wire) {
		return nil, fmt.Errorf("%d octets are too many", len(wire)-end)
	}
	return rr, nil
}

func plainError(err error) error { return errors.New(strings.TrimPrefix(err.Error(), "dns: ")) }

// wrong says what is wrong with data, and what would be right.
func wrong(t uint16, data string, err error) error {
	if len(data) > 100 {
		data = data[:100] + "…"
	}
	right := `write it as in a zone file, or as \# LENGTH HEX`
	if f, ok := formats[t]; ok {
		right = "write " + f.what + ", like " + f.example
		if f.obvious {
			return fmt.Errorf("%q is not data of type %s: %s", data, TypeName(t), right)
		}
	}
	return fmt.Errorf("%q is not data of type %s (%w): %s", data, TypeName(t), err, right)
}

// isAddress reports that somebody wrote an address where a name belongs.
func isAddress(name string) bool {
	_, err := netip.ParseAddr(strings.TrimSuffix(name, "."))
	return err == nil
}
