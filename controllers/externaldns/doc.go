// SPDX-License-Identifier: Apache-2.0

// Package externaldns keeps delegations in DNSEndpoints (externaldns.k8s.io/v1alpha1),
// which ExternalDNS carries into the edge zones of cloud providers. It reads and writes
// those of one namespace and says what they hold; what they should hold is decided by
// package edge, whose [edge.Objects] it is. All instances of a cluster watch, the one
// that holds the Lease writes. The kind may be missing, come and go while it runs.
package externaldns
