// SPDX-License-Identifier: Apache-2.0

// Package files is a cluster of plain machines: it reads Gslb, Ingress, Service,
// EndpointSlice, ZoneDelegation, DNSEndpoint, Namespace and Node objects from a folder, watches it,
// and hands what package translate makes of them to the Store, as the Kubernetes
// watcher does. It never writes into the folder. [Check] gives the same verdicts once,
// for `meridian check`. cmd/meridian calls it with --manifests.
//
//	folder ──watch──▶ file: read, validated, last good ──▶ model: objects, who needs what ──▶ translate ──▶ Store
//
// Objects in files carry no history. Without metadata.creationTimestamp an object has
// the zero time, so two Gslbs that claim one host are ordered by name. The file's own
// times would differ between copies of the folder and change with every checkout, and
// the clusters would disagree about who came first.
package files
