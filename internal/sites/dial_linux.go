// SPDX-License-Identifier: Apache-2.0

package sites

import (
	"context"
	"fmt"
	"net"

	"github.com/meridian-gslb/meridian/internal/sites/netns"
)

// Dial connects from inside a site's machine, for clients of net/http and of DNS.
// The address must be an IP address with a port.
func (s *Set) Dial(ctx context.Context, cluster, network, address string) (net.Conn, error) {
	status, err := s.Status(ctx)
	if err != nil {
		return nil, err
	}
	for _, one := range status.Sites {
		if one.Name != cluster {
			continue
		}
		if one.Process == 0 {
			return nil, fmt.Errorf("site %s is %s", cluster, one.State)
		}
		inside, err := netns.Of(one.Process)
		if err != nil {
			return nil, err
		}
		defer func() { _ = inside.Close() }() // the connection keeps it
		return inside.Dial(ctx, network, address)
	}
	return nil, fmt.Errorf("there is no cluster %q", cluster)
}
