// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/meridian-gslb/meridian/internal/sites"
	"github.com/meridian-gslb/meridian/internal/sites/netns"
)

// A network is what is between the sites: a namespace with a bridge, on which
// each site has a link, and the cuts.
type network struct {
	wan *netns.Namespace
	env []string // for ip and nft

	mu   sync.Mutex
	cuts []sites.Cut
}

func newNetwork(env []string) (*network, error) {
	wan, err := netns.New()
	if err != nil {
		return nil, err
	}
	n := &network{wan: wan, env: env}
	if err := n.ip(wan, "link set lo up", "link add bridge0 type bridge", "link set bridge0 up"); err != nil {
		return nil, errors.Join(fmt.Errorf("making the bridge: %w", err), wan.Close())
	}
	return n, nil
}

// ip runs lines of the program ip inside a namespace.
func (n *network) ip(in *netns.Namespace, lines ...string) error {
	return in.Run(n.env, strings.Join(lines, "\n")+"\n", "ip", "-batch", "-")
}

// attach makes the namespace of a site, with its addresses, its link, and ways to
// the other sites.
func (n *network) attach(site sites.Site, all []sites.Site) (*netns.Namespace, error) {
	ns, err := netns.New()
	if err != nil {
		return nil, err
	}
	lines := []string{
		"link set lo up",
		"addr add " + host(site.Node()) + " dev lo",
		// Always the same hardware address: the others remember it when the site is off.
		fmt.Sprintf("link add eth0 address 02:00:0a:63:00:%02x type veth peer name %s netns %s", site.Index(), site.Link(), n.wan.Path()),
		fmt.Sprintf("addr add %s/24 dev eth0", site.Wan()),
		"link set eth0 up",
		// The node itself sends to Services too. kube-proxy translates on the way out,
		// for which there must be a way; there is no default route, so that nothing
		// ever leaves the set.
		fmt.Sprintf("route add %s dev lo src %s", sites.Services, site.Node()),
		// What kube-proxy does not forward is refused, as by a host.
		fmt.Sprintf("route add local %s dev lo src %s", site.LoadBalancers(), site.Node()),
	}
	for _, a := range site.Ingress() {
		lines = append(lines, "addr add "+host(a)+" dev lo")
	}
	for _, other := range all {
		if other.Name != site.Name {
			lines = append(lines, fmt.Sprintf("route add %s via %s src %s", other.Network(), other.Wan(), site.Node()))
		}
	}
	err = n.ip(ns, lines...)
	if err == nil {
		err = n.ip(n.wan, fmt.Sprintf("link set %s master bridge0 up", site.Link()))
	}
	if err == nil {
		err = ns.Do(func() error {
			return errors.Join(sysctl("net/ipv4/ip_forward", "1"), sysctl("net/ipv4/ip_unprivileged_port_start", "0"))
		})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connecting site %s: %w", site.Name, err), ns.Close())
	}
	return ns, nil
}

// detach takes the site's link away; its namespace goes with its last process.
func (n *network) detach(site sites.Site, ns *netns.Namespace) error {
	return errors.Join(n.ip(n.wan, "link del "+site.Link()), ns.Close())
}

func host(a netip.Addr) string { return netip.PrefixFrom(a, a.BitLen()).String() }

// sysctl sets a value of the calling thread's network namespace.
func sysctl(name, value string) error {
	return os.WriteFile("/proc/sys/"+name, []byte(value), 0o644)
}

// cut adds a cut, and says whether it was new.
func (n *network) cut(c sites.Cut, link func(name string) string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if slices.ContainsFunc(n.cuts, func(have sites.Cut) bool { return sameCut(have, c) }) {
		return nil
	}
	return n.apply(append(slices.Clone(n.cuts), c), link)
}

// heal takes cuts away: that one, or with an empty B all of the site A, or with
// both empty all there are.
func (n *network) heal(c sites.Cut, link func(name string) string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.apply(slices.DeleteFunc(slices.Clone(n.cuts), func(have sites.Cut) bool {
		return c.A == "" || sameCut(have, c) || c.B == "" && (have.A == c.A || have.B == c.A)
	}), link)
}

func sameCut(a, b sites.Cut) bool {
	return a == b || a.A == b.B && a.B == b.A
}

// apply drops on the bridge what the cuts forbid, silently, in both directions.
func (n *network) apply(cuts []sites.Cut, link func(name string) string) error {
	var rules strings.Builder
	rules.WriteString("table bridge cuts\ndelete table bridge cuts\n")
	if len(cuts) > 0 {
		rules.WriteString("table bridge cuts {\n chain forward {\n  type filter hook forward priority 0;\n")
		for _, c := range cuts {
			a, b := link(c.A), ""
			if c.B != "" {
				b = link(c.B)
				fmt.Fprintf(&rules, "  iifname %q oifname %q drop\n  iifname %q oifname %q drop\n", a, b, b, a)
			} else {
				fmt.Fprintf(&rules, "  iifname %q drop\n  oifname %q drop\n", a, a)
			}
		}
		rules.WriteString(" }\n}\n")
	}
	if err := n.wan.Run(n.env, rules.String(), "nft", "-f", "-"); err != nil {
		return fmt.Errorf("cutting links: %w", err)
	}
	n.cuts = cuts
	return nil
}

func (n *network) list() []sites.Cut {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.cuts)
}
