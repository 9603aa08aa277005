// SPDX-License-Identifier: Apache-2.0

// Package zoneout gives our public zones to secondaries: AXFR (RFC 5936) and IXFR
// (RFC 1995) over TCP and TLS, and NOTIFY (RFC 1996) when a zone's serial moved.
// It also answers whatever else a transfer key signs, by the table. It does not
// make zones, does not count serials, and never answers whom nobody allowed.
//
// A version of a zone is the table in which its serial first appeared: a pointer,
// so that publishing costs nothing. The differences between versions are worked
// out when a secondary comes for them, between the version that was handed out
// last and the newest one, and only of the names that changed. Without
// secondaries there is no journal and no work.
//
//	Publish ──serial moved──▶ version ──▶ NOTIFY
//	                             │
//	AXFR ────────────────────────┴──▶ messages
//	IXFR ──▶ journal of differences ──▶ messages
//
// cmd wires it into the slow path of dnsserver.
package zoneout
