// SPDX-License-Identifier: Apache-2.0

// Package sites gives developers and tests whole clusters of real nodes on one
// Linux machine: a site is a network namespace with a control plane
// (hack/kplane), a kubelet, containerd and kube-proxy, and a bridge connects the
// sites. It is the client's side: Up starts a supervisor in the background, and
// what a Set does, the supervisor does. It knows nothing of Meridian and is never
// part of the product. hack/sites and end-to-end tests call it.
//
//	set := sites.ForTest(t, "eu", "us")          // in a test; needs root
//	set.Site("eu").Kubeconfig                    // a path
//	set.Freeze(ctx, "eu")                        // a fault
//
// docs/sites.md says what is inside and what it needs.
package sites
