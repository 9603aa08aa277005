// SPDX-License-Identifier: Apache-2.0

// Package dnsserver answers DNS over UDP, TCP and TLS from one answers.Table.
//
// A query is read, parsed in place, looked up and answered by copying packed
// bytes: one atomic load, no lock, no allocation, no log line. It does not know
// the Store, Kubernetes, peers or the edge: cmd wires gslb.Store → answers.Build
// → [Server.Publish]. What the Table does not answer (transfers, updates,
// anything signed) goes to the [SlowPath], off the hot path.
//
//	socket ─ read ─ query.parse ─┬─ responder ─ cookie ─ Table.Find ─ limit ─ copy ─ write
//	                             └─ SlowPath, in a goroutine of its own
package dnsserver
