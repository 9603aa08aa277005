// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// UpdateKey is a key that may send dynamic updates of our zones.
type UpdateKey struct {
	Key    *tsigkey.Key
	Scopes []gslb.Name // at and below which it may change TXT records; none: names that begin with _acme-challenge
}

// updates reads the keys of dynamic updates, [SCOPE[,SCOPE…]=]NAME:ALGORITHM:FILE.
func (c *Config) updates(s *Settings, bad *problems) {
	for _, spec := range c.UpdateTSIGKeys {
		var k UpdateKey
		if scopes, rest, ok := strings.Cut(spec, "="); ok && !strings.Contains(scopes, ":") {
			spec = rest
			for scope := range strings.SplitSeq(scopes, ",") {
				n, err := gslb.ParseName(strings.TrimSpace(scope))
				if err == nil && slices.Contains(n.Labels(), gslb.ReportLabel) {
					err = fmt.Errorf("%s is a name of the exchange between clusters", n)
				}
				bad.add("update-tsig-key", err)
				k.Scopes = append(k.Scopes, n)
			}
		}
		key, err := tsigkey.Parse(spec)
		bad.add("update-tsig-key", err)
		k.Key = key
		s.UpdateKeys = append(s.UpdateKeys, k)
	}
}
