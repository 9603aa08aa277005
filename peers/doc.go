// SPDX-License-Identifier: Apache-2.0

// Package peers carries reports between clusters: it publishes our own as a DNS
// zone that only holders of a peer key see, reads those of the others over held,
// TSIG-signed transfers, and passes on what it reads first-hand.
//
// It does not know what is made of a report or of a sighting: both go to a
// [Store]. It decides nothing about who is alive. It is called by cmd, which
// runs it and gives its [Exchange.ServeSlow] to the DNS server, and by edge,
// which writes its keep-alive numbers into the heartbeat.
//
//	Store ──*World──▶ publish ──▶ zones ──▶ ServeSlow ──▶ other clusters read
//	  ▲                             ▲
//	  └── reports, sightings ── readers ◀── two connections to each address
//
// The wire format is ADR 4 and docs/peers.md; who is believed for how long is
// the business of package gslb.
package peers
