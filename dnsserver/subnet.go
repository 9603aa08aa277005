// SPDX-License-Identifier: Apache-2.0

package dnsserver

import "encoding/binary"

// subnetHead is what comes before the address in a client subnet option: family,
// source prefix length, scope prefix length.
const subnetHead = 4

// goodSubnet checks a client subnet option of a query: a known family, a source
// prefix that fits it, scope 0, exactly the octets that the prefix needs, and no
// bit set behind it (RFC 7871 §6, §7.1.2).
func goodSubnet(data []byte) bool {
	if len(data) < subnetHead || data[3] != 0 {
		return false
	}
	bits, addr := int(data[2]), data[subnetHead:]
	switch binary.BigEndian.Uint16(data) {
	case 0: // nobody's family, of those who want no location (dig +subnet=0)
		if bits > 0 {
			return false
		}
	case 1:
		if bits > 32 {
			return false
		}
	case 2:
		if bits > 128 {
			return false
		}
	default:
		return false
	}
	if len(addr) != (bits+7)/8 {
		return false
	}
	return bits%8 == 0 || addr[len(addr)-1]<<(bits%8) == 0
}
