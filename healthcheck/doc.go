// SPDX-License-Identifier: Apache-2.0

// Package healthcheck probes the entries of this cluster and says of each
// whether it is up or down, nothing else.
//
// It learns from the current World what to probe (hosts whose own offer has a
// Check), and hands verdicts to the Store, which merges them with readiness
// (design.md R1). It knows nothing of Kubernetes, of DNS and of who uses the
// verdicts; entries of other clusters are for the package entrycheck below.
//
//	World ──Changed──▶ schedule ──due──▶ ask ──answer──▶ tally ──verdict──▶ Store
//
// One goroutine owns the schedule and all counters; a probe runs in a goroutine
// of its own while it lasts, so that thousands of quiet checks cost a heap entry
// each and no goroutine. Time is that of the time package alone, which makes the
// whole of it run in testing/synctest.
package healthcheck
