// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/meridian-gslb/meridian/gslb"
)

// line is one TXT record of a report: a kind and key=value pairs. Keys stand in
// the order of the wire.
type line struct {
	kind  string
	pairs []pair
}

type pair struct{ key, value string }

// maxString is what one character-string of a TXT record holds (RFC 1035 §3.3.14).
const maxString = 255

// put adds a pair; empty values are left out.
func (l *line) put(key, value string) {
	if value != "" {
		l.pairs = append(l.pairs, pair{key, value})
	}
}

func (l *line) putUint(key string, v uint64) {
	if v != 0 {
		l.put(key, strconv.FormatUint(v, 10))
	}
}

func (l *line) putTime(key string, t time.Time) {
	if !t.IsZero() {
		l.put(key, t.UTC().Format(time.RFC3339Nano))
	}
}

func (l *line) putTags(key string, tags []gslb.GeoTag) {
	l.put(key, joinTags(tags))
}

func joinTags(tags []gslb.GeoTag) string {
	var b strings.Builder
	for i, t := range tags {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(string(t))
	}
	return b.String()
}

func (l *line) putAddrs(key string, addrs []netip.Addr) {
	var b strings.Builder
	for i, a := range addrs {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(a.String())
	}
	l.put(key, b.String())
}

// rdata gives the record as RDATA of a TXT: the kind, then each pair in as many
// character-strings as it needs, those after the first beginning with "+".
func (l *line) rdata() []byte {
	n := 1 + len(l.kind)
	for _, p := range l.pairs {
		n += 2 + len(p.key) + len(p.value) + len(p.value)/maxString*2
	}
	b := make([]byte, 0, n)
	b = append(b, byte(len(l.kind)))
	b = append(b, l.kind...)
	for _, p := range l.pairs {
		s := p.key + "=" + p.value
		first := min(len(s), maxString)
		b = append(b, byte(first))
		b = append(b, s[:first]...)
		for s = s[first:]; s != ""; {
			part := min(len(s), maxString-1)
			b = append(b, byte(part+1), '+')
			b = append(b, s[:part]...)
			s = s[part:]
		}
	}
	return b
}

// parseLine reads the RDATA of a TXT. A record of an unknown kind is a line too;
// the error says what breaks the form.
func parseLine(rdata []byte) (line, error) {
	var l line
	for i := 0; len(rdata) > 0; i++ {
		n := int(rdata[0])
		if 1+n > len(rdata) {
			return l, errors.New("a character-string runs past the end of its record")
		}
		if i == maxStrings {
			return l, fmt.Errorf("a record has more than %d strings", maxStrings)
		}
		s := string(rdata[1 : 1+n])
		rdata = rdata[1+n:]
		if err := printable(s); err != nil {
			return l, err
		}
		switch {
		case i == 0:
			l.kind = s
		case strings.HasPrefix(s, "+"):
			if len(l.pairs) == 0 {
				return l, errors.New("a record begins with a continuation")
			}
			l.pairs[len(l.pairs)-1].value += s[1:]
		default:
			key, value, ok := strings.Cut(s, "=")
			if !ok || key == "" {
				return l, fmt.Errorf("%q is not key=value", clip(s))
			}
			l.pairs = append(l.pairs, pair{key, value})
		}
	}
	if l.kind == "" {
		return l, errors.New("a record does not say what it is")
	}
	return l, nil
}

// printable refuses what would garble a log or a terminal. A multi-octet rune
// may be cut at the end of a string, so only complete values are checked for
// UTF-8, by [reader.text].
func printable(s string) error {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return fmt.Errorf("control character %#02x in %q", s[i], clip(s))
		}
	}
	return nil
}

func clip(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// reader takes values out of a line; the first problem sticks and names its key.
// Keys that nobody asks for are ignored.
type reader struct {
	line *line
	err  error
}

func (r *reader) fail(key string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %s: %w", r.line.kind, key, err)
	}
}

// raw gives the value of a key, "" if it is not there.
func (r *reader) raw(key string, most int) string {
	for i := range r.line.pairs {
		if p := &r.line.pairs[i]; p.key == key {
			if len(p.value) > most {
				r.fail(key, fmt.Errorf("%d octets; at most %d are allowed", len(p.value), most))
				return ""
			}
			return p.value
		}
	}
	return ""
}

func (r *reader) text(key string, most int) string {
	s := r.raw(key, most)
	if !utf8.ValidString(s) {
		r.fail(key, errors.New("not UTF-8"))
		return ""
	}
	return s
}

func (r *reader) uint(key string, bits int) uint64 {
	s := r.raw(key, maxWord)
	if s == "" {
		return 0
	}
	v, err := strconv.ParseUint(s, 10, bits)
	if err != nil {
		r.fail(key, fmt.Errorf("%q is not a number of %d bits", clip(s), bits))
	}
	return v
}

func (r *reader) time(key string) time.Time {
	s := r.raw(key, maxWord)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		r.fail(key, fmt.Errorf("%q is not a time of RFC 3339", clip(s)))
		return time.Time{}
	}
	return t.UTC()
}

func (r *reader) duration(key string) time.Duration {
	s := r.raw(key, maxWord)
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		r.fail(key, fmt.Errorf("%q is not a duration like 5m0s", clip(s)))
		return 0
	}
	return d
}

func (r *reader) name(key string) gslb.Name {
	n, err := gslb.ParseName(r.raw(key, maxText))
	if err != nil {
		r.fail(key, err)
	}
	return n
}

func (r *reader) tag(key string) gslb.GeoTag {
	s := r.raw(key, maxWord)
	if s == "" {
		return ""
	}
	return r.oneTag(key, s)
}

// oneTag takes a tag as it is: one that would have to be folded is not one that
// an author writes.
func (r *reader) oneTag(key, s string) gslb.GeoTag {
	t, err := gslb.ParseGeoTag(s)
	if err == nil && string(t) != s {
		err = fmt.Errorf("%q is not in lower case", s)
	}
	if err != nil {
		r.fail(key, err)
		return ""
	}
	return t
}

// list splits a value at commas; nil for an empty one.
func (r *reader) list(key string, most int) []string {
	s := r.raw(key, maxList)
	if s == "" {
		return nil
	}
	parts := strings.Split(s, ",")
	if len(parts) > most {
		r.fail(key, fmt.Errorf("%d values; at most %d are allowed", len(parts), most))
		return nil
	}
	return parts
}

func (r *reader) tags(key string) []gslb.GeoTag {
	var out []gslb.GeoTag
	for _, s := range r.list(key, maxTags) {
		out = append(out, r.oneTag(key, s))
	}
	return out
}

func (r *reader) addr(key, s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.Is4In6() {
		r.fail(key, fmt.Errorf("%q is not an IPv4 or IPv6 address", clip(s)))
		return netip.Addr{}
	}
	return a
}

func (r *reader) addrs(key string) []netip.Addr {
	var out []netip.Addr
	for _, s := range r.list(key, maxAddrs) {
		out = append(out, r.addr(key, s))
	}
	return out
}
