// SPDX-License-Identifier: Apache-2.0

// Package edge keeps what this cluster owns in the edge zone, the parent of the
// load-balanced zones: our name server in each delegation, its glue, and our
// heartbeat. It also reads the heartbeats of other clusters, as a witness, and
// measures whether anything outside answers us.
//
// It speaks no DNS itself: a [Publisher] does (edge/rfc2136). It never touches
// the records of another cluster or of anybody else, and nothing in it ever
// delays the Store. cmd wires it; controllers read its status.
//
//	gslb.World ──▶ Plan ──▶ delegator ──▶ Publisher ──▶ edge zone
//	   │                       ▲ may old glue go?         ▲   │
//	   ├── Alarm ─────────▶ beater ──── heartbeat ────────┘   │
//	   └── silent peers ──▶ witness ◀── their heartbeats ─────┘
//	                           └──▶ Store.Sight(Heartbeat, OutsideSeen)
//
// Each edge zone has a delegator, a beater and a witness of its own, so that a
// dead edge server holds up nobody else.
package edge
