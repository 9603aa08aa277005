// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/meridian-gslb/meridian/gslb"
)

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

// texts reads a list of words in UTF-8.
func (r *reader) texts(key string) []string {
	all := r.list(key, maxNeeds)
	for _, s := range all {
		if len(s) > maxWord || !utf8.ValidString(s) {
			r.fail(key, errors.New("not a list of names"))
			return nil
		}
	}
	return all
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

// word takes a value of a list that later versions may make longer.
func (r *reader) word(key string) string {
	s := r.raw(key, maxWord)
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			r.fail(key, fmt.Errorf("%q is not a word", clip(s)))
			return ""
		}
	}
	return s
}

func (r *reader) weights(key string) []gslb.Weight {
	var out []gslb.Weight
	for _, s := range r.list(key, maxTags) {
		tag, value, _ := strings.Cut(s, ":")
		v, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			r.fail(key, fmt.Errorf("%q is not TAG:WEIGHT", clip(s)))
			return nil
		}
		out = append(out, gslb.Weight{Cluster: r.oneTag(key, tag), Weight: uint16(v)})
	}
	slices.SortFunc(out, func(a, b gslb.Weight) int { return strings.Compare(string(a.Cluster), string(b.Cluster)) })
	return out
}

// asked reads what became of asking held entries: TAG:ANSWERED:SILENT.
func (r *reader) asked(key string) []gslb.Asked {
	var out []gslb.Asked
	for _, s := range r.list(key, maxTags) {
		tag, counts, _ := strings.Cut(s, ":")
		answered, silent, _ := strings.Cut(counts, ":")
		a, err := strconv.ParseUint(answered, 10, 31)
		n, err2 := strconv.ParseUint(silent, 10, 31)
		if err != nil || err2 != nil {
			r.fail(key, fmt.Errorf("%q is not TAG:ANSWERED:SILENT", clip(s)))
			return nil
		}
		out = append(out, gslb.Asked{Cluster: r.oneTag(key, tag), Answered: int(a), Silent: int(n)})
	}
	return out
}
