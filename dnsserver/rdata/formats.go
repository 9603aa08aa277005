// SPDX-License-Identifier: Apache-2.0

package rdata

import "github.com/miekg/dns"

// format says how the data of a type is written, for errors.
type format struct {
	what, example string
	obvious       bool // what is wrong needs no more words
}

var formats = map[uint16]format{
	dns.TypeA:      {"an IPv4 address", "192.0.2.1", true},
	dns.TypeAAAA:   {"an IPv6 address", "2001:db8::1", true},
	dns.TypeCNAME:  {"one name in full", "www.example.com", false},
	dns.TypeNS:     {"the name of a name server in full", "ns1.example.com", false},
	dns.TypePTR:    {"one name in full", "www.example.com", false},
	dns.TypeMX:     {"preference and name", "10 mail.example.com", false},
	dns.TypeTXT:    {"text", `"v=spf1 -all"`, false},
	dns.TypeSRV:    {"priority, weight, port and name", "0 5 443 app.example.com", false},
	dns.TypeCAA:    {"flags, tag and value", `0 issue "letsencrypt.org"`, false},
	dns.TypeSVCB:   {"priority, name and parameters", "1 svc.example.com alpn=h2", false},
	dns.TypeHTTPS:  {"priority, name and parameters", "1 . alpn=h2,h3", false},
	dns.TypeNAPTR:  {"order, preference, flags, service, expression and replacement", `10 10 "S" "SIP+D2U" "" _sip._udp.example.com`, false},
	dns.TypeSSHFP:  {"algorithm, type and fingerprint", "4 2 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", false},
	dns.TypeTLSA:   {"usage, selector, matching type and data", "3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", false},
	dns.TypeSMIMEA: {"usage, selector, matching type and data", "3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", false},
	dns.TypeDS:     {"key tag, algorithm, digest type and digest", "12345 13 2 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", false},
	dns.TypeURI:    {"priority, weight and URI", `10 1 "https://www.example.com/"`, false},
	dns.TypeHINFO:  {"processor and system", `"PC" "Linux"`, false},
	dns.TypeRP:     {"mailbox as a name, and the name of a text", "admin.example.com about.example.com", false},
	dns.TypeLOC:    {"latitude, longitude and altitude", "52 22 23.000 N 4 53 32.000 E -2.00m", false},
}
