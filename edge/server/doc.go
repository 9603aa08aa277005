// SPDX-License-Identifier: Apache-2.0

// Package server is the small edge server of `meridian edge`: one zone, updated
// by signed RFC 2136 messages, kept in a file. For those who ask recursively it
// follows the delegations below its zone, so that one question shows the whole
// way. It never caches.
//
// It is made for demos, labs and tests, not for production: there is no DNSSEC,
// no NOTIFY, no secondary. It owns no sockets (dnsserver does) and knows nothing
// of load balancing; cmd and tests hand it messages through ServeSlow.
package server
