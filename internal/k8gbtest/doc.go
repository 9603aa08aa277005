// SPDX-License-Identifier: Apache-2.0

// Package k8gbtest is a cluster that runs k8gb, as far as it can be seen on the wire:
// it answers for its zone as k8gb's DNS server does, and asks its neighbours as its
// operator does. Tests use it in the place of a real one, over memory or loopback.
// It was written from a description of what k8gb does, and shares no code with it.
package k8gbtest
