// SPDX-License-Identifier: Apache-2.0

// Package challenges keeps the records that this cluster took by dynamic updates,
// ACME challenges above all: the same for all replicas of the cluster, and over
// restarts. [Object] keeps them in a ConfigMap of our own namespace, [File] in the
// state folder of a cluster of plain machines, or in memory alone.
//
// Both tell the Store what is held. They judge nothing: who may change what is
// decided in dnsserver/update, what is served of it in gslb.
package challenges
