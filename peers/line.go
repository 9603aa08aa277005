// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

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

// errPastEnd is RDATA that no TXT has; a zone with it cannot be passed on.
var errPastEnd = errors.New("a character-string runs past the end of its record")

// parseLine reads the RDATA of a TXT. A record of an unknown kind is a line too;
// the error says what breaks the form.
func parseLine(rdata []byte) (line, error) {
	var l line
	for rest := rdata; len(rest) > 0; rest = rest[1+int(rest[0]):] {
		if 1+int(rest[0]) > len(rest) {
			return l, errPastEnd
		}
	}
	for i := 0; len(rdata) > 0; i++ {
		n := int(rdata[0])
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
