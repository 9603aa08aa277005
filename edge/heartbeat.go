// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// Bounds of what is read as a heartbeat.
const (
	maxHeartbeatText    = 32 << 10 // octets of presentation format
	maxHeartbeatStrings = 512
	maxHeartbeatString  = 255 // RFC 1035 §3.3: octets in a character-string
	maxInterval         = 24 * time.Hour
	maxAge              = 365 * 24 * time.Hour
)

// Heartbeat is what a cluster says of itself in an edge zone, in one TXT record
// at [gslb.HeartbeatName]. Format 1, each pair a character-string of its own:
//
//	"v=1" "cluster=eu" "id=5f1c" "instance=a7" "counter=42" "interval=5" "ns=1f2e" "missed=us/b3/118" "age=us/b3/118/2130"
//
// interval is in seconds. missed stands once for each cluster and instance of
// it that was heard last, with the number of the last keep-alive heard; for a
// cluster that was never heard it is the geo tag alone. age says, in milliseconds,
// how long ago that keep-alive was heard when the heartbeat was written; without it
// a reader takes it for the silence after which alarms are raised. Unknown keys are
// ignored, so that later versions can add some.
type Heartbeat struct {
	Cluster   gslb.GeoTag
	ClusterID string
	Instance  string // that wrote it
	Counter   uint64 // grows with every write, whoever writes
	Interval  time.Duration
	NS        string // digest of the writer's delegations: tells when its addresses changed
	Missed    []HeardKeepAlive
}

// HeardKeepAlive is the last keep-alive that was heard from one instance of a
// cluster. Instance is "" and Number 0 when none ever was.
type HeardKeepAlive struct {
	Cluster  gslb.GeoTag
	Instance string
	Number   uint64
	Age      time.Duration // how long ago it was heard; 0: not told
}

// Data gives the TXT record in presentation format. Strings that would not fit
// into a character-string are left out of missed; other fields are bounded by
// [New].
func (h *Heartbeat) Data() string {
	var b strings.Builder
	add := func(key, value string) {
		if len(key)+1+len(value) > maxHeartbeatString {
			return
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		quote(&b, key+"="+value)
	}
	add("v", "1")
	add("cluster", string(h.Cluster))
	add("id", h.ClusterID)
	add("instance", h.Instance)
	add("counter", strconv.FormatUint(h.Counter, 10))
	add("interval", strconv.FormatInt(int64(h.Interval/time.Second), 10))
	if h.NS != "" {
		add("ns", h.NS)
	}
	for _, m := range h.Missed {
		if m.Instance == "" {
			add("missed", string(m.Cluster))
		} else {
			of := string(m.Cluster) + "/" + m.Instance + "/" + strconv.FormatUint(m.Number, 10)
			add("missed", of)
			if m.Age > 0 {
				add("age", of+"/"+strconv.FormatInt(max(1, m.Age.Milliseconds()), 10))
			}
		}
	}
	return b.String()
}

// quote writes one character-string (RFC 1035 §5.1).
func quote(b *strings.Builder, s string) {
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(b, "\\%03d", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
}

// Names reports that the heartbeat misses the cluster.
func (h *Heartbeat) Names(c gslb.GeoTag) bool {
	for _, m := range h.Missed {
		if m.Cluster == c {
			return true
		}
	}
	return false
}

// single are the keys that stand once; all but the last must.
var single = [...]string{"cluster", "id", "instance", "counter", "interval", "ns"}

// ParseHeartbeat reads the TXT record of a heartbeat in presentation format.
// The error says what is wrong with it.
func ParseHeartbeat(data string) (Heartbeat, error) {
	var h Heartbeat
	texts, err := unquote(data)
	if err != nil {
		return h, fmt.Errorf("heartbeat: %w", err)
	}
	if len(texts) == 0 || !strings.HasPrefix(texts[0], "v=") {
		return h, errors.New(`heartbeat: it does not begin with "v=1"`)
	}
	if texts[0] != "v=1" {
		return h, fmt.Errorf("heartbeat: format %q is not known; this version reads format 1", texts[0][2:])
	}
	seen := make(map[string]bool)
	var ages []HeardKeepAlive
	for _, t := range texts[1:] {
		key, value, ok := strings.Cut(t, "=")
		if !ok {
			continue
		}
		if seen[key] && slices.Contains(single[:], key) {
			return Heartbeat{}, fmt.Errorf("heartbeat: %q stands twice", key)
		}
		seen[key] = true
		if key == "age" {
			if a, ok := parseAge(value); ok {
				ages = append(ages, a)
			}
			continue
		}
		if err := h.set(key, value); err != nil {
			return Heartbeat{}, fmt.Errorf("heartbeat: %w", err)
		}
	}
	h.setAges(ages)
	for _, key := range single[:5] {
		if !seen[key] {
			return Heartbeat{}, fmt.Errorf("heartbeat: %q is missing", key)
		}
	}
	return h, nil
}

func (h *Heartbeat) set(key, value string) (err error) {
	switch key {
	case "cluster":
		h.Cluster, err = parseTag(value)
	case "id":
		h.ClusterID, err = nonEmpty(key, value)
	case "instance":
		h.Instance, err = nonEmpty(key, value)
	case "counter":
		h.Counter, err = parseNumber(key, value)
	case "interval":
		var n uint64
		if n, err = parseNumber(key, value); err == nil && (n == 0 || n > uint64(maxInterval/time.Second)) {
			err = fmt.Errorf("interval %d is not between 1 and %d seconds", n, maxInterval/time.Second)
		}
		h.Interval = time.Duration(n) * time.Second
	case "ns":
		h.NS = value
	case "missed":
		var m HeardKeepAlive
		if m, err = parseMissed(value); err == nil {
			h.Missed = append(h.Missed, m)
		}
	}
	return err
}

// setAges adds how long ago keep-alives were heard.
func (h *Heartbeat) setAges(ages []HeardKeepAlive) {
	for i := range h.Missed {
		m := &h.Missed[i]
		for _, a := range ages {
			if a.Cluster == m.Cluster && a.Instance == m.Instance && a.Number == m.Number {
				m.Age = a.Age
			}
		}
	}
}

// parseAge reads CLUSTER/INSTANCE/NUMBER/MILLISECONDS; what is not understood is
// not told.
func parseAge(value string) (a HeardKeepAlive, ok bool) {
	i := strings.LastIndexByte(value, '/')
	if i < 0 {
		return a, false
	}
	ms, err := parseNumber("age", value[i+1:])
	if err != nil || ms > uint64(maxAge/time.Millisecond) {
		return a, false
	}
	a, err = parseMissed(value[:i])
	a.Age = time.Duration(ms) * time.Millisecond
	return a, err == nil && a.Instance != ""
}

func parseMissed(value string) (m HeardKeepAlive, err error) {
	tag, rest, heard := strings.Cut(value, "/")
	if m.Cluster, err = parseTag(tag); err != nil || !heard {
		return m, err
	}
	i := strings.LastIndexByte(rest, '/')
	if i <= 0 {
		return m, fmt.Errorf("missed %q is not CLUSTER/INSTANCE/NUMBER", value)
	}
	m.Instance = rest[:i]
	m.Number, err = parseNumber("missed", rest[i+1:])
	return m, err
}

// parseTag takes geo tags as they are written, not as people may type them.
func parseTag(s string) (gslb.GeoTag, error) {
	t, err := gslb.ParseGeoTag(s)
	if err == nil && string(t) != s {
		err = fmt.Errorf("geo tag %q is not in lower case", s)
	}
	return t, err
}

func parseNumber(key, value string) (uint64, error) {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil || value != strconv.FormatUint(n, 10) {
		return 0, fmt.Errorf("%s %q is not a number", key, value)
	}
	return n, nil
}

func nonEmpty(key, value string) (string, error) {
	if value == "" {
		return "", fmt.Errorf("%s is empty", key)
	}
	return value, nil
}
