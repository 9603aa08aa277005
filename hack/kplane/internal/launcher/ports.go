// SPDX-License-Identifier: Apache-2.0

package launcher

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/addresses"
)

// checkPorts says which address is not free before anything is started, for the
// programs would say it late, each in its own log.
func (c *cluster) checkPorts() error {
	wanted := []netip.AddrPort{c.at(apiPort), c.at(etcdPort), c.at(etcdPeerPort)}
	for _, a := range c.plan.Ingress() {
		wanted = append(wanted, netip.AddrPortFrom(a, uint16(c.config.HTTPPort)))
	}
	for _, at := range wanted {
		if err := tryListen(at); err != nil {
			return fmt.Errorf("cluster %s: %w", c.name, err)
		}
	}
	return nil
}

// usableHTTPPort returns 80 where this process may and can bind it, else 8080.
func usableHTTPPort(plan addresses.Plan) int {
	if tryListen(netip.AddrPortFrom(plan.Ingress()[0], 80)) == nil {
		return 80
	}
	return 8080
}

func tryListen(at netip.AddrPort) error {
	l, err := net.Listen("tcp", at.String())
	if err == nil {
		return l.Close()
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is already in use: is another kplane up running here? --base chooses other addresses", at)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s is not an address of this machine: on Linux all of 127.0.0.0/8 is, elsewhere add it to the loopback device", at.Addr())
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: ports below 1024 need root (or net.ipv4.ip_unprivileged_port_start); --http-port chooses another", at)
	}
	return fmt.Errorf("%s cannot be listened on: %w", at, err)
}
