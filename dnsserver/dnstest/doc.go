// SPDX-License-Identifier: Apache-2.0

// Package dnstest helps to test DNS servers: it makes Worlds from a few lines,
// runs a dnsserver.Server on loopback, asks it over UDP and TCP, sends raw
// packets, and compares the sections of answers with zone-file lines.
//
// It is for tests only, and talks to nothing but the address it is given.
package dnstest
