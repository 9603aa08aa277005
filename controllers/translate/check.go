// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/gslb"
)

// checkOf gives the probe of a host; nil if none is asked for. alone says that the
// probe decides without readiness.
func checkOf(h *gslbv1beta1.HealthCheck, alone bool) *gslb.Check {
	if h == nil {
		return nil
	}
	c := &gslb.Check{
		Kind: gslb.CheckKind(cmp.Or(h.Kind, gslbv1beta1.CheckHTTP)), Port: h.PortOrDefault(),
		Interval: h.Interval(), Timeout: h.Timeout(), Rise: h.RiseCount(), Fall: h.FallCount(), Alone: alone,
	}
	if c.Kind != gslb.CheckTCP {
		c.Path, c.Host, c.InsecureSkipVerify = h.PathOrDefault(), string(h.Host), h.InsecureSkipVerify
		c.Statuses[0], c.Statuses[1] = h.StatusRange()
	}
	return c
}

// askOf says how a client would ask for a host. A health check by HTTP knows best;
// else it is what the object says.
//
//	health check  | host     | TLS | ask
//	HTTP or HTTPS | any      | any | as the check does
//	TCP or none   | plain    | yes | https, port 443
//	TCP or none   | plain    | no  | http, port 80
//	TCP or none   | wildcard | any | nothing: there is no name to ask for
func askOf(host gslb.Name, h *refs.Host, check *gslb.Check) gslb.Ask {
	if check != nil && check.Kind != gslb.CheckTCP {
		if host.IsWildcard() && check.Host == "" {
			return gslb.Ask{}
		}
		ask := gslb.Ask{Scheme: "http", Port: check.Port, SNI: check.Host, Path: check.Path}
		if check.Kind == gslb.CheckHTTPS {
			ask.Scheme = "https"
		}
		return ask
	}
	switch {
	case host.IsWildcard():
		return gslb.Ask{}
	case h.TLS:
		return gslb.Ask{Scheme: "https", Port: 443, SNI: host.String(), Path: cmp.Or(h.URLPath, "/")}
	}
	return gslb.Ask{Scheme: "http", Port: 80, Path: cmp.Or(h.URLPath, "/")}
}
