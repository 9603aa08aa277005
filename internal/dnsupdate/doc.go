// SPDX-License-Identifier: Apache-2.0

// Package dnsupdate judges dynamic updates (RFC 2136) by what a zone holds: the
// prerequisites, and the form of the update section. It changes nothing, knows no
// message, no key and no permission. The updates of our own zones and the small
// edge server share it, so that both read the RFC alike.
package dnsupdate
