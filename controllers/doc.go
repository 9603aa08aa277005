// SPDX-License-Identifier: Apache-2.0

// Package controllers connects the model to a Kubernetes API server: it watches the
// objects of this cluster, hands what they mean to the gslb.Store, and writes back
// status, events and the few objects that Meridian makes. It decides nothing: what an
// object means is controllers/translate, what is answered is strategies. `meridian
// serve` runs it in every replica; all of them read, the one that holds the Lease
// writes, and losing the Lease or the API stops neither the process nor its answers.
//
//	API ──watch──▶ cache ──events──▶ queue ──one Gslb──▶ translate.Build ──▶ Store
//	 ▲                                                                        │ *World
//	 └── status, events, Ingresses, Gslbs of annotations ◀── writers ◀────────┘
//	                                                   (leader only)
package controllers
