// SPDX-License-Identifier: Apache-2.0

// Package k8gb holds the kinds of k8gb's API group k8gb.io/v1beta1, Gslb and
// ZoneDelegation, as far as they are read and their status is written; package absa holds
// the Gslb of its older group. They are written anew from what the fields mean. Each
// gives the object of Meridian that means the same ([Gslb.Meridian]), which is all that
// the rest of the program sees. The callers are controllers, controllers/files,
// api/validate and kubectl-meridian. Nothing here reads or writes an API.
//
// The CustomResourceDefinitions are k8gb's: those in this package keep the same fields
// and refuse no more, and are there for tests and for clusters that have manifests of
// k8gb and never had k8gb.
//
// +kubebuilder:object:generate=true
// +groupName=k8gb.io
// +versionName=v1beta1
package k8gb
