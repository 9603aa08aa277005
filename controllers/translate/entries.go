// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/gslb"
)

// entries are where clients of this cluster arrive for a host. An entry with a host name
// and no address is not resolved yet.
type entries struct {
	list     []entry  // addresses first, sorted
	asked    []string // the names of load balancers among them
	findings []Finding

	private     []netip.Addr // see Output
	refused     []netip.Addr // see Output
	awaitsNodes bool
}

// entry is an entry, of which Addr and Hostname are set, and how it was found.
type entry struct {
	gslb.Entry
	at     refs.Entry
	closed string // why no client gets in here, in words; "" if one may
}

// entriesOf gives the entries of a host: set by hand, else from the status of objects.
//
//	spec.entryAddresses | annotations of the Gslb, then of its sources | entries
//	set                 | any                                          | the field
//	–                   | entry-addresses, else k8gb's                 | the annotation
//	–                   | –                                            | status of the objects
//
// Entries that somebody wrote down are told in condition Resolved:
//
//	entries             | of them is one | note
//	by hand             | yes            | "entries by", the field, and the object where it is another one
//	by hand             | no             | none: what is wrong with them is told
//	status              | any            | none
func entriesOf(in *Input, l *refs.Lookup, t *target, h *refs.Host) entries {
	var c collector
	c.in, c.look = in, l
	if !c.byHand(in.Gslb, t) {
		for _, e := range h.Entries {
			c.add(e, false)
		}
		c.missing = h.Missing
	}
	c.finish(t, h)
	return c.entries
}

// collector gathers entries, each once.
type collector struct {
	entries
	in      *Input
	look    *refs.Lookup
	ignored []string
	pending []string
	missing []string
	hand    *refs.Entry // the first that was given by hand; nil if the status counts
}

// byHand takes the entries that somebody wrote down; false if nobody did.
func (c *collector) byHand(g *gslbv1beta1.Gslb, t *target) bool {
	for _, a := range g.Spec.EntryAddresses {
		if _, err := parseAddress(string(a), true); err == nil { // else the rules of the spec have told it
			c.add(refs.Entry{IP: string(a), On: gslbSource(g), Path: "spec.entryAddresses"}, true)
		}
	}
	if len(g.Spec.EntryAddresses) > 0 {
		return true
	}
	for _, at := range annotatedBy(g, t) {
		for _, key := range []string{gslbv1beta1.AnnotationEntryAddresses, gslbv1beta1.K8gbAnnotationExposedIPAddresses} {
			if words := words(at.annotations[key]); len(words) > 0 {
				for _, word := range words {
					c.add(refs.Entry{IP: word, On: at.on, Path: annotationPath(key)}, true)
				}
				return true
			}
		}
		if names := words(at.annotations[gslbv1beta1.K8gbAnnotationExposedHostnames]); len(names) > 0 {
			for _, name := range names {
				c.add(refs.Entry{Hostname: name, On: at.on, Path: annotationPath(gslbv1beta1.K8gbAnnotationExposedHostnames)}, true)
			}
			return true
		}
	}
	return false
}

// words splits a list in an annotation.
func words(list string) []string {
	var all []string
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	return all
}

// add takes one entry, or notes why it is none. What somebody wrote down wrongly is
// bad; what a status holds is only ignored.
func (c *collector) add(e refs.Entry, byHand bool) {
	if byHand && c.hand == nil {
		c.hand = &e
	}
	text := e.IP
	if text == "" {
		text = strings.TrimSuffix(e.Hostname, ".")
		if _, err := netip.ParseAddr(text); err != nil { // some clouds write an address there
			c.name(text, &e, byHand)
			return
		}
	}
	addr, err := parseAddress(text, c.in.AllowLoopback)
	if err != nil {
		c.ignore(err, &e, byHand)
		return
	}
	if why := c.inside(addr, byHand); why != "" && byHand {
		c.findings = append(c.findings, Finding{
			Condition: gslbv1beta1.ConditionResolved, Reason: gslbv1beta1.ReasonInternalEntry, On: e.On, Path: e.Path,
			Message: why + "; it counts, because it was given by hand",
		})
	} else if why != "" {
		c.refuse(addr, why)
		return
	}
	c.put(gslb.Entry{Addr: addr}, &e)
}

// name takes a load balancer's name. One without a dot is a cluster's, as old
// versions of Karmada write it, and never asked for.
func (c *collector) name(text string, e *refs.Entry, byHand bool) {
	n, err := gslb.ParseName(text)
	switch {
	case err != nil:
		c.ignore(err, e, byHand)
		return
	case !strings.Contains(n.String(), "."):
		c.ignore(fmt.Errorf("%q is not the full name of a load balancer", text), e, byHand)
		return
	}
	if !slices.Contains(c.asked, n.String()) {
		c.asked = append(c.asked, n.String())
	}
	var addrs []netip.Addr
	if c.in.Resolved != nil {
		addrs = c.in.Resolved(n.String())
	}
	if len(addrs) == 0 {
		c.pending = append(c.pending, n.String())
		c.put(gslb.Entry{Hostname: n.String()}, e)
		return
	}
	for _, addr := range addrs {
		if err := reachable(addr, c.in.AllowLoopback); err != nil {
			c.ignore(fmt.Errorf("%s resolves to an address that is none for clients: %w", n, err), e, byHand)
			continue
		}
		if why := c.inside(addr.Unmap(), byHand); why != "" && !byHand {
			c.refuse(addr.Unmap(), fmt.Sprintf("%s resolves to an address inside this cluster: %s", n, why))
			continue
		}
		c.put(gslb.Entry{Addr: addr.Unmap(), Hostname: n.String()}, e)
	}
}

// put keeps an entry once: of several ways to one address, one behind which somebody is.
func (c *collector) put(e gslb.Entry, at *refs.Entry) {
	same := func(have entry) bool {
		return have.Addr == e.Addr && (e.Addr.IsValid() || have.Hostname == e.Hostname)
	}
	switch i := slices.IndexFunc(c.list, same); {
	case i < 0:
		c.list = append(c.list, entry{Entry: e, at: *at})
	case c.list[i].at.Down != "" && at.Down == "":
		c.list[i] = entry{Entry: e, at: *at}
	}
}

// refuse ignores an address inside the cluster that nobody gave by hand.
func (c *collector) refuse(addr netip.Addr, why string) {
	c.ignored, c.refused = append(c.ignored, why), append(c.refused, addr)
}

func (c *collector) ignore(err error, e *refs.Entry, byHand bool) {
	if !byHand {
		c.ignored = append(c.ignored, err.Error())
		return
	}
	c.findings = append(c.findings, Finding{
		Condition: gslbv1beta1.ConditionAccepted, Reason: gslbv1beta1.ReasonInvalidSpec, Bad: true, On: e.On, Path: e.Path,
		Message: err.Error() + "; it is left out",
	})
}

// finish sorts the entries, and says which are missing.
func (c *collector) finish(t *target, h *refs.Host) {
	slices.SortFunc(c.list, func(a, b entry) int {
		if a.Addr.IsValid() != b.Addr.IsValid() { // names come last
			return b.Addr.Compare(a.Addr)
		}
		if order := a.Addr.Compare(b.Addr); order != 0 {
			return order
		}
		return strings.Compare(a.Hostname, b.Hostname)
	})
	slices.Sort(c.ignored) // a status comes in any order
	slices.Sort(c.pending)
	if len(c.refused) > 0 {
		c.ignored = append(c.ignored, "--entry-cidrs lets addresses inside the cluster count")
	}
	via, on := viaOf(h)
	note := func(bad bool, reason, format string, args ...any) {
		c.findings = append(c.findings, Finding{
			Condition: gslbv1beta1.ConditionResolved, Reason: reason, Bad: bad, On: on, Path: "status",
			Message: fmt.Sprintf(format, args...),
		})
	}
	if c.hand != nil && len(c.list) > 0 {
		c.findings = append(c.findings, c.handNote())
	}
	switch {
	case t.foreign:
	case len(c.list) == 0 && len(c.ignored) > 0:
		note(true, gslbv1beta1.ReasonEntryIgnored, "%s has no address that clients could connect to (%s); give entryAddresses where it never will", via, strings.Join(c.ignored, "; "))
		return
	case len(c.list) == 0 && len(c.missing) > 0:
		note(true, gslbv1beta1.ReasonAddressUnknown, "host %s: %s", h.Name, strings.Join(c.missing, "; "))
		return
	case len(c.list) == 0:
		note(true, gslbv1beta1.ReasonAddressUnknown, "%s has no address yet; give entryAddresses where it never will", via)
	case len(c.pending) == len(c.list):
		note(true, gslbv1beta1.ReasonAddressUnknown, "host name not resolved yet: %s", strings.Join(c.pending, ", "))
	case len(c.pending) > 0:
		note(false, gslbv1beta1.ReasonResolved, "host name not resolved yet: %s", strings.Join(c.pending, ", "))
	}
	if len(c.missing) > 0 {
		note(false, gslbv1beta1.ReasonResolved, "host %s: %s", h.Name, strings.Join(c.missing, "; "))
	}
	for _, held := range c.held() {
		note(false, gslbv1beta1.ReasonResolved, "%s", held)
	}
	if len(c.ignored) > 0 && len(c.list) > 0 {
		note(false, gslbv1beta1.ReasonEntryIgnored, "ignored in the status of %s: %s", via, strings.Join(c.ignored, "; "))
	}
}

// held says which entries are those that an object had before its status went empty.
func (c *collector) held() []string {
	if c.in.Held == nil || c.hand != nil {
		return nil
	}
	var from []gslb.Source
	of := make(map[gslb.Source][]string)
	for i := range c.list {
		e := &c.list[i]
		if c.in.Held(e.at.On).IsZero() {
			continue
		}
		if of[e.at.On] == nil {
			from = append(from, e.at.On)
		}
		name := e.Hostname
		if e.Addr.IsValid() {
			name = e.Addr.String()
		}
		of[e.at.On] = append(of[e.at.On], name)
	}
	var said []string
	for _, on := range from {
		said = append(said, fmt.Sprintf("the status of %s is empty; what it had last counts until %s: %s",
			on, c.in.Held(on).UTC().Format("2006-01-02 15:04:05 UTC"), strings.Join(of[on], ", ")))
	}
	return said
}

// handNote says where the entries were written down.
func (c *collector) handNote() Finding {
	message := "entries by " + c.hand.Path
	if c.hand.On != gslbSource(c.in.Gslb) {
		message += " of " + c.hand.On.String()
	}
	return Finding{Condition: gslbv1beta1.ConditionResolved, Reason: gslbv1beta1.ReasonResolved, On: c.hand.On, Path: c.hand.Path, Message: message}
}

// viaOf names the objects whose status tells where clients arrive, and gives the first; of
// a host that has none, the object that names it.
func viaOf(h *refs.Host) (string, gslb.Source) {
	if len(h.Via) == 0 {
		return h.On.String(), h.On
	}
	var names []string
	for _, v := range h.Via {
		names = append(names, v.String())
	}
	return strings.Join(names, ", "), h.Via[0]
}
