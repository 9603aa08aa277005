// SPDX-License-Identifier: Apache-2.0

// Package v1beta1 holds the API of Meridian, group gslb.meridian.dev: Gslb and
// ZoneDelegation, their conditions and reasons, the annotations that Meridian
// reads and writes, and the generated CustomResourceDefinitions. Rules that need
// one object alone are CEL rules in the schema; what needs other objects is a
// condition. It decides nothing: controllers, the files source and
// `meridian check` read it, package validate applies its rules without a server.
//
// +kubebuilder:object:generate=true
// +groupName=gslb.meridian.dev
package v1beta1
