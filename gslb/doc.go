// SPDX-License-Identifier: Apache-2.0

// Package gslb is the vocabulary and the model of Meridian: names, clusters,
// policies, reports, and the Store that merges them into one World.
//
// It knows nothing of Kubernetes, of DNS messages or of sockets, and imports
// only the standard library. Controllers, peers, probes and the edge hand their
// findings to a Store as plain values; strategies, the DNS server and the
// status writer read the current World and nothing else.
//
//	objects ──SetObject, SetZones──┐
//	peers ────SetReport, Sight─────┤            ┌─ observers, in order: DNS first
//	probes ───SetVerdict───────────┼─▶ Store ──▶│  then status, edge, peers, probes
//	edge ─────Sight────────────────┘    │       └─ (each with a one-place mailbox)
//	                                    ▼
//	                                 *World (immutable, numbered)
//
// A published value (World, Host, Offer, Report) is never changed: readers may
// keep it as long as they like and share it between goroutines.
package gslb
