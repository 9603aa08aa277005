// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"net/netip"
)

// parseAddress reads an address that clients can connect to.
func parseAddress(text string, allowLoopback bool) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%q is not an IP address: give one such as 192.0.2.10 or 2001:db8::10", text)
	}
	addr = addr.Unmap()
	return addr, reachable(addr, allowLoopback)
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// reachable says why no client can connect to an address.
func reachable(addr netip.Addr, allowLoopback bool) error {
	switch addr = addr.Unmap(); {
	case addr.IsUnspecified():
		return fmt.Errorf("%s is the unspecified address", addr)
	case addr.IsMulticast():
		return fmt.Errorf("%s is a multicast address", addr)
	case addr.IsLinkLocalUnicast():
		return fmt.Errorf("%s is a link-local address", addr)
	case addr == broadcast:
		return fmt.Errorf("%s is the broadcast address", addr)
	case addr.IsLoopback() && !allowLoopback:
		return fmt.Errorf("%s is a loopback address, which --allow-loopback-entries would permit", addr)
	}
	return nil
}
