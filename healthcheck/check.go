// SPDX-License-Identifier: Apache-2.0

package healthcheck

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck/internal/ask"
	"github.com/meridian-gslb/meridian/healthcheck/internal/due"
)

// Bounds and defaults of a check that a source left open.
const (
	minInterval     = time.Second
	defaultInterval = 5 * time.Second
	defaultTimeout  = 3 * time.Second
	firstStatus     = 200
	lastStatus      = 399
	drainInterval   = 2 * time.Second // of entries that only drain
)

// userAgent names the prober in access logs.
const userAgent = "meridian-healthcheck"

type key struct {
	host gslb.Name
	addr netip.Addr
}

// check is the probe of one entry.
type check struct {
	key
	spec   gslb.Check
	item   due.Item[*check]
	tally  tally
	detail string // of the verdict that the Store has
	told   bool   // the Store has a verdict

	began   time.Time // start of the last probe
	failing time.Time // start of the first probe of the present row of failures
	silent  bool      // the last probe got no reply
	held    bool      // the guard keeps it from being unhealthy

	retired bool // no longer wanted; stays until its probe is done
	changed bool // spec changed while a probe was on its way, which no longer counts
}

// normal fills in what a source left open and keeps what it must not exceed.
func normal(c gslb.Check) gslb.Check {
	if c.Interval <= 0 {
		c.Interval = defaultInterval
	}
	c.Interval = max(c.Interval, minInterval)
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	c.Timeout = min(c.Timeout, c.Interval)
	c.Rise, c.Fall = max(c.Rise, 1), max(c.Fall, 1)
	if c.Statuses == [2]int{} {
		c.Statuses = [2]int{firstStatus, lastStatus}
	}
	if c.Path == "" {
		c.Path = "/"
	}
	return c
}

// wanted gives the addresses that an offer of ours wants probed, and how; or
// the reason why none is, "" when there is simply nothing to probe.
func wanted(h *gslb.Host, self gslb.GeoTag) (addrs []netip.Addr, c gslb.Check, skip string) {
	if h == nil {
		return nil, c, ""
	}
	p := h.Part(self)
	if p == nil {
		return nil, c, ""
	}
	spec, drains := p.Offer.Check, false
	if spec == nil {
		spec = drainCheck(p.Offer)
		drains = true
	}
	if spec == nil {
		return nil, c, ""
	}
	c = normal(*spec)
	if skip = unusable(h.Name, &c); skip != "" {
		return nil, c, skip
	}
	seen := make(map[netip.Addr]bool, len(p.Offer.Entries))
	for i := range p.Offer.Entries {
		a := p.Offer.Entries[i].Addr
		if !a.IsValid() || seen[a] || drains && !p.Offer.Entries[i].Draining {
			continue
		}
		seen[a] = true
		if why := ask.Askable(a); why != "" {
			skip = fmt.Sprintf("entry %s is never probed: %s", a, why)
			continue
		}
		addrs = append(addrs, a)
	}
	return addrs, c, skip
}

// drainCheck is how entries of a host without a check are probed that its object does not
// have any more: as a client asks, whether they still serve. Nil if there is none, or
// nobody knows how a client asks.
func drainCheck(o *gslb.Offer) *gslb.Check {
	i := slices.IndexFunc(o.Entries, func(e gslb.Entry) bool { return e.Draining })
	if i < 0 {
		return nil
	}
	a := o.Entries[i].Ask
	c := &gslb.Check{
		Kind: gslb.CheckHTTP, Port: a.Port, Path: a.Path, Host: a.SNI, InsecureSkipVerify: true,
		Interval: drainInterval, Timeout: drainInterval, Rise: 1, Fall: 1,
	}
	switch a.Scheme {
	case "http":
		c.Port = cmp.Or(c.Port, 80)
	case "https":
		c.Kind, c.Port = gslb.CheckHTTPS, cmp.Or(c.Port, 443)
	default:
		return nil
	}
	return c
}

func unusable(host gslb.Name, c *gslb.Check) string {
	switch {
	case c.Kind != gslb.CheckHTTP && c.Kind != gslb.CheckHTTPS && c.Kind != gslb.CheckTCP:
		return fmt.Sprintf("kind %q is not a probe; use HTTP, HTTPS or TCP", c.Kind)
	case c.Port == 0:
		return "the check has no port"
	case c.Kind != gslb.CheckTCP && c.Host == "" && host.IsWildcard():
		return "a wildcard host cannot be asked for; set healthCheck.host to a name below it"
	case c.Kind != gslb.CheckTCP && !strings.HasPrefix(c.Path, "/"):
		return fmt.Sprintf("path %q does not begin with /", c.Path)
	}
	return ""
}

// question is what a probe asks.
func (c *check) question() ask.Question {
	q := ask.Question{
		Kind: ask.Connect, Addr: netip.AddrPortFrom(c.addr, c.spec.Port), Host: c.spec.Host, Path: c.spec.Path,
		Agent: userAgent, Unverified: c.spec.InsecureSkipVerify,
	}
	if q.Host == "" {
		q.Host = c.host.String()
	}
	q.SNI = q.Host
	switch c.spec.Kind {
	case gslb.CheckHTTP:
		q.Kind = ask.Plain
	case gslb.CheckHTTPS:
		q.Kind = ask.Secure
	case gslb.CheckTCP:
	}
	return q
}

// judge says what an answer means for the entry, and why in a few words that do
// not vary from try to try.
func (c *check) judge(a ask.Answer) (outcome, string) {
	switch {
	case a.Result == ask.Local:
		return blank, a.Detail
	case a.Result != ask.OK:
		return down, a.Detail
	case c.spec.Kind == gslb.CheckTCP, a.Status >= c.spec.Statuses[0] && a.Status <= c.spec.Statuses[1]:
		return up, ""
	}
	return down, fmt.Sprintf("status %d", a.Status)
}
