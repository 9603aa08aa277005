// SPDX-License-Identifier: Apache-2.0

package rdata

import (
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// check holds what the format of a type asks for and the library does not look
// at. Secondaries look at it, and refuse a whole zone for one such record.
func check(rr dns.RR) error {
	if isAddress(target(rr)) {
		return errors.New("an address stands where a name belongs")
	}
	switch rr := rr.(type) {
	case *dns.A:
		if rr.A.To4() == nil {
			return errors.New("it is no IPv4 address")
		}
	case *dns.CAA:
		return checkTag(rr.Tag)
	case *dns.DS:
		return checkDigest(len(rr.Digest)/2, digests[rr.DigestType])
	case *dns.SSHFP:
		return checkDigest(len(rr.FingerPrint)/2, [...]int{1: 20, 2: 32}[min(rr.Type, 3)%3])
	case *dns.TLSA:
		return checkDigest(len(rr.Certificate)/2, [...]int{1: 32, 2: 64}[min(rr.MatchingType, 3)%3])
	case *dns.SMIMEA:
		return checkDigest(len(rr.Certificate)/2, [...]int{1: 32, 2: 64}[min(rr.MatchingType, 3)%3])
	case *dns.URI:
		if rr.Target == "" {
			return errors.New("the URI is empty")
		}
	case *dns.SVCB:
		return checkService(rr)
	case *dns.HTTPS:
		return checkService(&rr.SVCB)
	}
	return nil
}

// digests gives the octets of a DS digest by its type.
var digests = [256]int{dns.SHA1: 20, dns.SHA256: 32, dns.GOST94: 32, dns.SHA384: 48}

// checkDigest compares lengths in octets; want 0: not known.
func checkDigest(have, want int) error {
	switch {
	case have == 0:
		return errors.New("the digest is empty")
	case want > 0 && have != want:
		return fmt.Errorf("the digest has %d octets instead of %d", have, want)
	}
	return nil
}

// checkTag holds RFC 8659 §4.1: a tag is letters and digits, one at least.
func checkTag(tag string) error {
	if tag == "" {
		return errors.New("the tag is empty")
	}
	for _, c := range []byte(tag) {
		if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') {
			return fmt.Errorf("the tag %q has other characters than letters and digits", tag)
		}
	}
	return nil
}

// checkService holds RFC 9460 §7.1 and §8: what is mandatory is there, each once
// and not itself, and there is no no-default-alpn without alpn.
func checkService(rr *dns.SVCB) error {
	var keys []dns.SVCBKey
	for _, kv := range rr.Value {
		keys = append(keys, kv.Key())
	}
	for _, kv := range rr.Value {
		switch kv := kv.(type) {
		case *dns.SVCBMandatory:
			seen := []dns.SVCBKey{dns.SVCB_MANDATORY}
			for _, k := range kv.Code {
				if slices.Contains(seen, k) || !slices.Contains(keys, k) {
					return fmt.Errorf("mandatory names %s, which must be there, and be named once", k)
				}
				seen = append(seen, k)
			}
			if len(kv.Code) == 0 {
				return errors.New("mandatory names nothing")
			}
		case *dns.SVCBNoDefaultAlpn:
			if !slices.Contains(keys, dns.SVCB_ALPN) {
				return errors.New("no-default-alpn needs alpn")
			}
		case *dns.SVCBAlpn:
			if len(kv.Alpn) == 0 || slices.Contains(kv.Alpn, "") {
				return errors.New("alpn is empty")
			}
		case *dns.SVCBIPv4Hint:
			if len(kv.Hint) == 0 {
				return errors.New("ipv4hint is empty")
			}
		case *dns.SVCBIPv6Hint:
			if len(kv.Hint) == 0 {
				return errors.New("ipv6hint is empty")
			}
		}
	}
	return nil
}
