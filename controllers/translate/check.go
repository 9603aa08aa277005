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

// askOf says how a client would ask for a host at an entry. A health check by HTTP
// knows best; else it is what the entry says, and the object after it.
//
//	health check  | host     | entry says    | TLS | ask
//	HTTP or HTTPS | any      | any           | any | as the check does
//	TCP or none   | wildcard | http(s), tls  | any | nothing: there is no name to ask for
//	TCP or none   | any      | tcp           | any | a connection to the entry's port
//	TCP or none   | any      | udp           | any | nothing: silence tells nothing
//	TCP or none   | plain    | http(s), tls  | any | as it says
//	TCP or none   | plain    | –             | yes | https, port 443
//	TCP or none   | plain    | –             | no  | http, port 80
func askOf(host gslb.Name, h *refs.Host, at *refs.Entry, check *gslb.Check) gslb.Ask {
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
	scheme := at.Scheme
	if scheme == "" {
		scheme = "http"
		if h.TLS {
			scheme = "https"
		}
	}
	switch {
	case scheme == "tcp":
		return gslb.Ask{Scheme: "tcp", Port: at.Port}
	case host.IsWildcard(), scheme == "udp":
		return gslb.Ask{}
	case scheme == "tls":
		return gslb.Ask{Scheme: "tls", Port: cmp.Or(at.Port, 443), SNI: host.String()}
	case scheme == "https":
		return gslb.Ask{Scheme: "https", Port: cmp.Or(at.Port, 443), SNI: host.String(), Path: cmp.Or(h.URLPath, "/")}
	}
	return gslb.Ask{Scheme: "http", Port: cmp.Or(at.Port, 80), Path: cmp.Or(h.URLPath, "/")}
}
