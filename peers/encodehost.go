// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/meridian-gslb/meridian/gslb"
)

// encodeSet writes what a report says of one name: an offer (or nil) and
// records. What it gives is known to be readable.
func encodeSet(n gslb.Name, o *gslb.Offer, texts []*line, zone gslb.Name) (*set, error) {
	s := &set{label: hostLabel(n)}
	if o != nil {
		s.add(hostLine(o))
		for i := range o.Entries {
			s.add(entryLine(i, &o.Entries[i]))
		}
	}
	for _, l := range texts {
		s.add(l)
	}
	var err error
	if s.part, err = parsePart(s, zone); err != nil {
		return nil, err
	}
	if s.part.bad > 0 {
		return nil, fmt.Errorf("%s: %w", n, s.part.badWhy)
	}
	return s, nil
}

func hostLine(o *gslb.Offer) *line {
	l := &line{kind: kindHost}
	p := &o.Policy
	l.put("name", o.Host.String())
	l.put("kind", o.Source.Kind)
	l.put("namespace", o.Source.Namespace)
	l.put("object", o.Source.Name)
	l.putTime("created", o.Created)
	l.put("strategy", string(p.Strategy))
	l.put("primary", string(p.Primary))
	l.putTags("order", p.FailoverOrder)
	l.put("weights", joinWeights(p.Weights))
	l.putUint("ttl", uint64(p.TTL))
	if p.SplitBrain != 0 {
		l.put("splitbrain", p.SplitBrain.String())
	}
	if p.ReturnDelay != 0 {
		l.put("returndelay", p.ReturnDelay.String())
	}
	if p.CNAME {
		l.put("hostnames", hostnamesAsCNAME)
	}
	l.putUint("max", uint64(p.MaxAnswers))
	l.put("unhealthy", string(p.WhenAllUnhealthy))
	l.putAddrs("fallback", plainAddrs(p.Fallback))
	l.put("hash", p.Hash())
	l.put("override", string(o.Override))
	l.put("reason", string(o.Reason))
	l.put("needs", joinNeeds(o.DependsOn))
	if o.Bare {
		l.put("backends", backendsBare)
	}
	return l
}

// joinNeeds lists the clusters that a host depends on, as far as the format has room.
func joinNeeds(names []string) string {
	var all []string
	for _, n := range names {
		if n != "" && len(n) <= maxWord && !strings.Contains(n, ",") && len(all) < maxNeeds && utf8.ValidString(n) {
			all = append(all, n)
		}
	}
	return strings.Join(all, ",")
}

func joinAsked(all []gslb.Asked) string {
	s := ""
	for i, a := range all {
		if i > 0 {
			s += ","
		}
		s += string(a.Cluster) + ":" + strconv.Itoa(a.Answered) + ":" + strconv.Itoa(a.Silent)
	}
	return s
}

func joinWeights(ws []gslb.Weight) string {
	s := ""
	for i, w := range ws {
		if i > 0 {
			s += ","
		}
		s += string(w.Cluster) + ":" + strconv.Itoa(int(w.Weight))
	}
	return s
}

func entryLine(i int, e *gslb.Entry) *line {
	l := &line{kind: kindEntry}
	l.put("n", strconv.Itoa(i))
	if e.Addr.IsValid() {
		a := plainAddr(e.Addr)
		l.put("family", familyOf(a))
		l.put("addr", a.String())
	}
	l.put("hostname", e.Hostname)
	l.put("health", e.Health.String())
	l.put("reason", string(e.Reason))
	l.putTime("since", e.Since)
	l.putTime("until", e.Until)
	l.putUint("weight", uint64(e.Weight))
	l.putTags("owners", e.Owners)
	l.put("scheme", e.Ask.Scheme)
	l.putUint("port", uint64(e.Ask.Port))
	l.put("sni", e.Ask.SNI)
	l.put("path", e.Ask.Path)
	return l
}

func familyOf(a netip.Addr) string {
	if a.Is4() {
		return "4"
	}
	return "6"
}

// plainAddr gives the address as it would stand in an A or AAAA record.
func plainAddr(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func plainAddrs(in []netip.Addr) []netip.Addr {
	out := make([]netip.Addr, 0, len(in))
	for _, a := range in {
		if a.IsValid() {
			out = append(out, plainAddr(a))
		}
	}
	return out
}
