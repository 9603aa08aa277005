// SPDX-License-Identifier: Apache-2.0

// Package strategies decides who gets which answer for one host.
//
// A strategy is a pure function of a [gslb.Host]: no clock, no randomness, no
// I/O, so that a decision can be replayed by status and explain with the same
// result as in the server. It does not pack DNS records (dnsserver/answers
// does) and does not judge health (the merge in gslb did).
//
// All strategies work on the same first step (design.md R2): the clusters of
// the best tier that has any (healthy, else unknown, else lost); and share the
// same last step when there is none: whenAllUnhealthy.
package strategies
