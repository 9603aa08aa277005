// SPDX-License-Identifier: Apache-2.0

// Package entrycheck asks the entries of silent clusters as a client would, and
// so can vouch for their hosts (agreement.md §4).
//
// While a cluster is doubtful, vouched or lost, each entry that it offered last
// is asked; one that answers makes a [gslb.Sighting] of kind EntryAnswered for
// that host only. It says nothing of clusters that are heard, and nothing of our
// own entries (package healthcheck probes those). It is not made at all with
// --entry-check off; cmd runs it beside the Monitor.
package entrycheck
