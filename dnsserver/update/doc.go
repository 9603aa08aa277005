// SPDX-License-Identifier: Apache-2.0

// Package update takes dynamic updates (RFC 2136) of our own zones: TXT records,
// those of ACME challenges above all, signed by TSIG.
//
// Prerequisites are judged by the zone as it is served, which is the union of what
// all clusters hold; what an update adds or deletes is this cluster's part alone,
// so that two clusters that renew at once never take each other's token away. An
// update is answered with NOERROR once it is stored and served here; the report
// carries it to the others. It owns no socket and no storage: dnsserver hands it
// messages through [Handler.ServeSlow], cmd wires both.
package update
