// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/meridian-gslb/meridian/gslb"
)

// parsePeer reads TAG=HOST[:PORT].
func parsePeer(p string) (gslb.GeoTag, string, error) {
	text, addr, ok := strings.Cut(p, "=")
	if !ok {
		return "", "", fmt.Errorf("%q: write TAG=HOST[:PORT], like us=198.51.100.7:53; without a port it is 53", p)
	}
	tag, err := gslb.ParseGeoTag(text)
	hp, err2 := withPort(addr)
	return tag, hp, errors.Join(err, err2)
}

// k8gb is what is told of clusters that run k8gb.
func (c *Config) k8gb(s *Settings, bad *problems) {
	s.K8gbPeers = make(map[gslb.GeoTag][]string)
	if !c.K8gbCompat && len(c.K8gbPeers) > 0 {
		bad.add("k8gb-peers", errors.New("has no use with --k8gb-compat=false: nothing is asked of k8gb then; leave one of them out"))
		return
	}
	for _, p := range c.K8gbPeers {
		tag, hp, err := parsePeer(p)
		switch {
		case err != nil:
		case tag == s.Self:
			err = fmt.Errorf("%q is this cluster, which runs Meridian", p)
		case s.Peers[tag] != nil:
			err = fmt.Errorf("cluster %s is in --peers too: it runs either Meridian or k8gb", tag)
		}
		bad.add("k8gb-peers", err)
		if err == nil {
			s.K8gbPeers[tag] = append(s.K8gbPeers[tag], hp)
		}
	}
}
