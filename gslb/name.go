// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"errors"
	"fmt"
	"strings"
)

// Limits of names on the wire.
const (
	maxLabel = 63  // RFC 1035 §2.3.4: octets in a label
	maxName  = 255 // RFC 1035 §2.3.4: octets in a name, lengths and root included
)

// ReportLabel is the label below which clusters exchange their reports; no
// host and no record may contain it.
const ReportLabel = "_report"

// Name is a domain name in canonical form: lower-case, absolute, without the
// trailing dot. It is made only by [ParseName] and [ParseHost], compares with
// ==, and serves as a map key. The zero Name is no name at all.
type Name struct{ s string }

// ParseName reads a domain name of letters, digits, hyphens and underscores; the
// leftmost label may be "*" (RFC 4592). One trailing dot is accepted. ASCII
// letters are folded to lower case (RFC 4343 §3).
func ParseName(s string) (Name, error) {
	in := s
	s = strings.TrimSuffix(s, ".")
	if s == "" {
		return Name{}, errors.New(`a domain name is missing; write one like "app.cloud.example.com"`)
	}
	if len(s)+2 > maxName {
		return Name{}, fmt.Errorf("%q has %d octets on the wire; at most %d fit in a name", in, len(s)+2, maxName)
	}
	s = strings.ToLower(s)
	first := true
	for label := range strings.SplitSeq(s, ".") {
		if err := checkLabel(label, first); err != nil {
			return Name{}, fmt.Errorf("%q is not a domain name: %w", in, err)
		}
		first = false
	}
	return Name{s}, nil
}

func checkLabel(label string, first bool) error {
	switch {
	case label == "":
		return errors.New("it has an empty label")
	case len(label) > maxLabel:
		return fmt.Errorf("label %q has %d octets; at most %d are allowed", label, len(label), maxLabel)
	case label == "*" && first:
		return nil
	case label[0] == '-' || label[len(label)-1] == '-':
		return fmt.Errorf("label %q begins or ends with a hyphen", label)
	}
	for i := range len(label) {
		c := label[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fmt.Errorf("label %q has %q; only letters, digits, hyphens and underscores are allowed (and %q as the whole leftmost label)", label, c, "*")
		}
	}
	return nil
}

// ParseHost is [ParseName] for a balanced name: at least two labels, none of
// them [ReportLabel].
func ParseHost(s string) (Name, error) {
	n, err := ParseName(s)
	if err != nil {
		return Name{}, err
	}
	if !strings.Contains(n.s, ".") {
		return Name{}, fmt.Errorf("%q has one label only; a host is written in full, like %q", s, s+".cloud.example.com")
	}
	for label := range strings.SplitSeq(n.s, ".") {
		if label == ReportLabel {
			return Name{}, fmt.Errorf("%q contains the label %q, which is kept for the exchange between clusters", s, ReportLabel)
		}
	}
	return n, nil
}

// MustName is [ParseName] for names that are known to be good, such as
// constants in tests; it panics on others.
func MustName(s string) Name {
	n, err := ParseName(s)
	if err != nil {
		panic(err)
	}
	return n
}

// String gives the name without the trailing dot, as people write hosts.
func (n Name) String() string { return n.s }

// FQDN gives the name with its trailing dot, as zone files write it.
func (n Name) FQDN() string { return n.s + "." }

// IsZero reports that n is no name.
func (n Name) IsZero() bool { return n.s == "" }

// IsWildcard reports that the leftmost label is "*".
func (n Name) IsWildcard() bool { return strings.HasPrefix(n.s, "*.") }

// Labels gives the labels, leftmost first; nil for the zero Name.
func (n Name) Labels() []string {
	if n.s == "" {
		return nil
	}
	return strings.Split(n.s, ".")
}

// Parent gives n without its leftmost label; the zero Name for one label.
func (n Name) Parent() Name {
	_, rest, _ := strings.Cut(n.s, ".")
	return Name{rest}
}

// In reports that n is zone or lies below it, on a label boundary. Nothing
// lies in the zero Name.
func (n Name) In(zone Name) bool {
	return zone.s != "" && (n.s == zone.s || strings.HasSuffix(n.s, "."+zone.s))
}

// Below reports that n lies below zone and is not zone itself.
func (n Name) Below(zone Name) bool { return n != zone && n.In(zone) }

// Compare orders names by their text; it serves for stable lists, not for the
// canonical order of RFC 4034.
func (n Name) Compare(o Name) int { return strings.Compare(n.s, o.s) }

// MarshalText writes the name as [Name.String] does.
func (n Name) MarshalText() ([]byte, error) { return []byte(n.s), nil }

// UnmarshalText reads what MarshalText wrote; empty text gives the zero Name.
func (n *Name) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*n = Name{}
		return nil
	}
	p, err := ParseName(string(b))
	if err != nil {
		return err
	}
	*n = p
	return nil
}

// NameServerName gives the name server of a cluster for a zone. It lives in the
// edge zone: "gslb-ns-eu-cloud.example.com" for tag eu, zone cloud.example.com
// and edge zone example.com. The error names the part that is too long.
func NameServerName(tag GeoTag, zone, edge Name) (Name, error) {
	if !zone.Below(edge) {
		return Name{}, fmt.Errorf("zone %s does not lie below the edge zone %s", zone, edge)
	}
	part := strings.ReplaceAll(strings.TrimSuffix(zone.s, "."+edge.s), ".", "-")
	n, err := ParseName("gslb-ns-" + string(tag) + "-" + part + "." + edge.s)
	if err != nil {
		return Name{}, fmt.Errorf("name server of cluster %s for zone %s: %w", tag, zone, err)
	}
	return n, nil
}

// HeartbeatName gives the owner of a cluster's heartbeat TXT in an edge zone:
// one for each cluster and edge zone, however many zones lie below it.
func HeartbeatName(tag GeoTag, edge Name) (Name, error) {
	return ParseName("gslb-heartbeat-" + string(tag) + "." + edge.s)
}

// ReportZone gives the zone in which a cluster tells the others what it can
// serve of zone: "_report.eu.cloud.example.com".
func ReportZone(tag GeoTag, zone Name) (Name, error) {
	return ParseName(ReportLabel + "." + string(tag) + "." + zone.s)
}
