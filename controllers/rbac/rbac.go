// SPDX-License-Identifier: Apache-2.0

// Package rbac holds the rights that the controllers need on an API server, and no
// others, as the YAML that grants them. It grants nothing itself: people, the chart and
// tests apply it.
package rbac

import _ "embed" // for Manifest

// Manifest is a YAML stream: a ClusterRole, a Role for the Lease, and bindings of both to
// ServiceAccount meridian in namespace meridian.
//
//go:embed rbac.yaml
var Manifest string

// ExternalDNS is a YAML stream with what is needed beside [Manifest] where ExternalDNS
// keeps the delegation: a Role for DNSEndpoints, and its binding.
//
//go:embed externaldns.yaml
var ExternalDNS string

// Challenges is a YAML stream with what is needed beside [Manifest] where dynamic
// updates are taken: a Role for the ConfigMap that holds their records, and its
// binding.
//
//go:embed challenges.yaml
var Challenges string
