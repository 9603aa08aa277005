// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package dnsserver

import "net"

// setLowWater is for Linux; elsewhere every octet wakes the reader.
func setLowWater(net.Conn, int) {}
