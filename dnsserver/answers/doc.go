// SPDX-License-Identifier: Apache-2.0

// Package answers turns a World into a Table: for every name of our zones the
// answers that are possible, packed to wire bytes.
//
// [Build] asks strategies what each changed host answers, packs it, and shares
// all the rest with the Table before. [Table.Find] is what the DNS server calls
// for every query; [Table.Lookup] says the same to people (explain, tests). A
// Table is immutable and knows neither sockets nor Kubernetes.
//
//	*gslb.World ──Changed──▶ strategies.Decide ──pack──▶ node ──▶ index (shards copied on write)
//
// The index holds every name that exists: zone apexes, hosts, wildcards as they
// are written, and the empty non-terminals between them (RFC 4592 §2.2.2).
package answers
