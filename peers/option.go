// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// HoldOption is the EDNS option by which a reader asks an author to hold a
// transfer, and by which both say who they are (ADR 4). Its code lies in the
// range for local use (RFC 6891 §9).
const HoldOption = 65301

// hello is the content of a HoldOption.
type hello struct {
	tag      gslb.GeoTag
	id       string // of the cluster
	instance string
	number   uint64        // keep-alive number, never 0
	hold     time.Duration // asked for; 0 in answers
	hears    []gslb.GeoTag
	to       string       // questions: the instance that answered last on the connection, nobody before; "" from older versions
	at       []netip.Addr // where the cluster is called; told once on a connection
}

// nobody is whom the first question on a connection speaks to: it is not known yet.
const nobody = "-"

// String gives the option as it is sent; parseHello reads it.
func (h *hello) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "v=%d tag=%s id=%s instance=%s n=%d", Format, h.tag, h.id, h.instance, h.number)
	if h.to != "" {
		fmt.Fprintf(&b, " to=%s", h.to)
	}
	if h.hold > 0 {
		fmt.Fprintf(&b, " hold=%d", h.hold.Milliseconds())
	}
	if len(h.hears) > 0 {
		b.WriteString(" hears=")
		b.WriteString(joinTags(h.hears))
	}
	for i, a := range h.at {
		b.WriteString([]string{" at=", ","}[min(i, 1)])
		b.WriteString(a.String())
	}
	return b.String()
}

// parseHello reads the option; keys that are not known are ignored.
func parseHello(s string) (*hello, error) {
	if len(s) > maxOption {
		return nil, fmt.Errorf("hold option: %d octets; at most %d are allowed", len(s), maxOption)
	}
	if err := printable(s); err != nil {
		return nil, fmt.Errorf("hold option: %w", err)
	}
	l := line{kind: "hold option"}
	for field := range strings.FieldsSeq(s) {
		if key, value, ok := strings.Cut(field, "="); ok {
			l.put(key, value)
		}
	}
	in := &reader{line: &l}
	if err := knownVersion(in.raw("v", maxWord)); err != nil {
		return nil, fmt.Errorf("hold option: %w", err)
	}
	h := &hello{
		tag: in.tag("tag"), id: in.raw("id", gslb.MaxClusterID), instance: in.raw("instance", maxInstance),
		number: in.uint("n", 63), hold: time.Duration(in.uint("hold", 20)) * time.Millisecond, hears: in.tags("hears"),
		at: in.addrs("at"), to: in.raw("to", maxInstance),
	}
	if h.tag == "" {
		in.fail("tag", fmt.Errorf("missing in %q", clip(s)))
	}
	if h.number == 0 {
		in.fail("n", fmt.Errorf("missing in %q", clip(s)))
	}
	if err := gslb.CheckClusterID(h.id); err != nil {
		in.fail("id", err)
	}
	if err := checkInstance(h.instance); err != nil {
		in.fail("instance", err)
	}
	return h, in.err
}
