// SPDX-License-Identifier: Apache-2.0

// Package world is how the end-to-end tests see a playground: clusters found in a
// kubeconfig, the DNS and HTTP ports that they publish, the edge DNS, and the script
// that stops and starts a cluster. It applies objects, asks questions, waits for
// what should come, and writes down how long each step took.
//
// It knows nothing of how the playground was made, and starts nothing itself. The
// tests beside it are its only caller.
package world
