// SPDX-License-Identifier: Apache-2.0

// Package delegation checks from outside, as a resolver would, that the
// delegation of each zone really works: it asks the servers of the edge zone who
// serves the zone and where they are, and then every address of every name server
// there, of all clusters and of others, for the zone itself, over UDP and TCP.
//
// It changes nothing: no answer, no record, no belief in a cluster. What it finds
// goes into the status of ZoneDelegations, metrics, `explain` and the log. cmd
// wires it; it knows neither who writes the edge zone nor Kubernetes.
//
//	World ──▶ Checker ──NS, glue──▶ servers of the edge zone
//	             │    ──SOA, NS───▶ each address of each name server
//	             └──▶ judge ──▶ Status
package delegation
