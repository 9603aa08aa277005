// SPDX-License-Identifier: Apache-2.0

// The coredns program that make bench-dns measures: CoreDNS with the two plugins
// that serve addresses of a zone in turn. It is a module of its own, so that the
// modules of CoreDNS stay out of ours.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/file"
	_ "github.com/coredns/coredns/plugin/loadbalance"
)

func main() {
	dnsserver.Directives = []string{"bind", "loadbalance", "file"}
	coremain.Run()
}
