// SPDX-License-Identifier: Apache-2.0

// Package rfc2136 reads and changes edge zones by DNS: signed queries and
// dynamic updates (RFC 2136) under TSIG (RFC 8945), over TCP.
//
// It is an [edge.Publisher] and knows nothing of what is published or when.
// Every attempt is a fresh message with its own ID and one TSIG; every answer
// must have that ID, that question and a valid signature, or it counts as none:
// an unsigned error is a failure and never a success. A [Reader] only reads, without
// a key, zones that somebody else writes.
package rfc2136
