// SPDX-License-Identifier: Apache-2.0

// Package translate turns the objects of a cluster into the model: a Gslb and what
// it refers to become offers and conditions, ZoneDelegations become zones, and an
// annotated object becomes a Gslb. It is pure: callers find the objects, hand them
// in, and carry out what comes back; nothing here reads an API, a clock or a file.
// The Kubernetes watcher and the folder of manifests call the same functions. It
// does not know what other clusters say; condition Serving is the status writer's.
//
//	DependsOn ──▶ find object ──▶ DependsOn ──▶ find Services, slices ──▶ Build ──▶ Output
package translate
