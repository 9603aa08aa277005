// SPDX-License-Identifier: Apache-2.0

package files_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gslb/meridian/internal/hostnames"
)

// lb is a resolver that knows one name.
type lb struct{}

func (lb) Ask(_ context.Context, name string) (hostnames.Answer, error) {
	if name != "lb.example.net" {
		return hostnames.Answer{TTL: time.Minute}, nil
	}
	return hostnames.Answer{Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.7")}, TTL: time.Minute}, nil
}

// TestALoadBalancerIsKnownByName: the first World that is ready has its addresses, and an
// Ingress that turns from an address into a name and back goes on being answered.
func TestALoadBalancerIsKnownByName(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	byName := strings.Replace(ingressYAML("app", "192.0.2.10"), "ip: 192.0.2.10", "hostname: lb.example.net", 1)
	write(t, dir, "ingress.yaml", byName)
	h := start(t, dir)
	h.untilAddrs("the name is resolved", "198.51.100.7")
	h.mu.Lock()
	for _, w := range h.worlds {
		if w.Ready && w.Len() > 0 && len(healthy(w)) == 0 {
			t.Error("a World was ready before the name was asked for")
		}
	}
	h.mu.Unlock()
	h.write("ingress.yaml", ingressYAML("app", "192.0.2.10"))
	h.untilAddrs("it has an address of its own", "192.0.2.10")
	h.write("ingress.yaml", byName)
	h.untilAddrs("and a name again", "198.51.100.7")
}
