// SPDX-License-Identifier: Apache-2.0

// Package k8gb asks the clusters of our zones that run k8gb what they can serve, in
// the questions that k8gb's own clusters ask each other, and hands the answers in as
// reports without a policy.
//
// It finds out which clusters run k8gb, keeps asking whether they live, and asks for
// localtargets-HOST of every host that is answered here. Nothing of it is signed: see
// docs/peers.md for what is believed. It decides nothing about who is alive and does
// not answer: localtargets-HOST of our own is in dnsserver/answers. Called by cmd.
//
//	name servers at the edge ──▶ scout ──▶ cluster ──▶ questions, a second ──▶ Store
//	Worlds ──hosts─────────────────────────▶
package k8gb
