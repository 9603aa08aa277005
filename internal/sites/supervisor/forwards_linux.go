// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"context"
	"net"
	"net/netip"

	"github.com/meridian-gslb/meridian/internal/sites"
)

// forwards are all forwarders of a set: what a person has published, and each API
// server on a free port of 127.0.0.1.
type forwards struct {
	of   map[string][]forwarder // by cluster
	apis map[string]netip.AddrPort
}

// newForwards listens everywhere, or nowhere.
func newForwards(config sites.Config, dial func(cluster string) dialer) (*forwards, error) {
	f := &forwards{of: map[string][]forwarder{}, apis: map[string]netip.AddrPort{}}
	add := func(cluster string, one forwarder) { f.of[cluster] = append(f.of[cluster], one) }
	for _, p := range config.Publish {
		for _, protocol := range p.Protocols() {
			what := "publication " + p.String()
			var one forwarder
			var err error
			if protocol == "tcp" {
				one, err = forwardTCP(what, p.Listen, p.Target, dial(p.Cluster))
			} else {
				one, err = forwardUDP(what, p.Listen, p.Target, dial(p.Cluster))
			}
			if err != nil {
				f.close()
				return nil, err
			}
			add(p.Cluster, one)
		}
	}
	for _, s := range config.Sites() {
		anyPort := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
		one, err := forwardTCP("API server of "+s.Name, anyPort, s.API(), dial(s.Name))
		if err != nil {
			f.close()
			return nil, err
		}
		if at, ok := one.listener.Addr().(*net.TCPAddr); ok {
			f.apis[s.Name] = at.AddrPort()
		}
		add(s.Name, one)
	}
	return f, nil
}

// cut ends what is open to one cluster.
func (f *forwards) cut(cluster string) {
	for _, one := range f.of[cluster] {
		one.cut()
	}
}

func (f *forwards) close() {
	for _, all := range f.of {
		for _, one := range all {
			one.close()
		}
	}
}

// dialTo is the dialer of a site by name.
func (s *Supervisor) dialTo(cluster string) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return s.sites[cluster].dial(ctx, network, address)
	}
}
