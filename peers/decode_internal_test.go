// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

var testZone = gslb.MustName("cloud.example.com")

// rdata joins words to the RDATA of a TXT.
func rdata(words ...string) []byte {
	var out []byte
	for _, w := range words {
		out = append(append(out, byte(len(w))), w...)
	}
	return out
}

// textZone builds a zone of eu as a peer would send it: the apex, then one host.
func textZone(t *testing.T, apex, host [][]string) (*Zone, error) {
	t.Helper()
	z, err := newZone("eu", testZone)
	require.NoError(t, err)
	changes := map[string]*set{}
	for label, lines := range map[string][][]string{"": apex, hostLabel(gslb.MustName("app.cloud.example.com")): host} {
		s := &set{label: label}
		for _, words := range lines {
			d := rdata(words...)
			s.txt, s.size = append(s.txt, d), s.size+len(d)
		}
		if label != "" {
			if s.part, err = parsePart(s, testZone); err != nil {
				return nil, err
			}
		}
		changes[label] = s
	}
	return z.with(changes, soa{instance: "k3f0", serial: 1}), nil
}

var goodApex = []string{"cluster", "v=1", "tag=eu", "id=x", "instance=k3f0", "zone=cloud.example.com"}

func words(base []string, more ...string) []string {
	return append(append([]string(nil), base...), more...)
}

func without(base []string, key string) []string {
	var out []string
	for _, w := range base {
		if !strings.HasPrefix(w, key+"=") {
			out = append(out, w)
		}
	}
	return out
}

func TestReportOfALaterVersionIsRead(t *testing.T) {
	z, err := textZone(t,
		[][]string{words(goodApex, "colour=blue", "state=dancing"), {"weather", "sky=grey"}, {"ns", "name=ns.example.com", "anycast=yes"}},
		[][]string{
			{"host", "name=app.cloud.example.com", "strategy=latency", "override=sleep", "shape=round"},
			{"entry", "addr=192.0.2.1", "family=4", "health=dizzy", "reason=Whatever", "quic=1"},
			{"mood", "happy=1"},
		})
	require.NoError(t, err)
	r, err := z.Report()
	require.NoError(t, err)
	o := r.Offers[gslb.MustName("app.cloud.example.com")]
	assert.Equal(t, gslb.Strategy("latency"), o.Policy.Strategy)
	assert.Equal(t, gslb.NoOverride, o.Override)
	assert.Equal(t, gslb.HealthUnknown, o.Entries[0].Health, "an unknown word is unknown health")
	assert.Equal(t, gslb.Active, r.Announcement)
	assert.Contains(t, z.String(), `"colour=blue"`, "a relay passes on what it does not know")
	assert.Contains(t, z.String(), `"mood" "happy=1"`)

	for _, v := range []string{"v=1.7", "v=1.0"} {
		z, err = textZone(t, [][]string{words(without(goodApex, "v"), v)}, nil)
		require.NoError(t, err)
		_, err = z.Report()
		assert.NoError(t, err, v)
	}
}

func TestReportIsRefused(t *testing.T) {
	host := []string{"host", "name=app.cloud.example.com"}
	many := make([]string, 600)
	for i := range many {
		many[i] = fmt.Sprintf("k%d=v", i)
	}
	for _, c := range []struct {
		why        string
		apex, host [][]string
		want       string
	}{
		{"another major version", [][]string{words(without(goodApex, "v"), "v=2")}, nil, "it is in format 2, and only format 1 is read here; upgrade the cluster that has the older release"},
		{"no version", [][]string{without(goodApex, "v")}, nil, `cluster: v: "" is not a version`},
		{"no cluster record", [][]string{{"ns", "name=x.example.com"}}, nil, "it has no cluster record"},
		{"two cluster records", [][]string{goodApex, goodApex}, nil, "two cluster records"},
		{"another cluster's", [][]string{words(without(goodApex, "tag"), "tag=us")}, nil, "it says that it is cluster us's"},
		{"for another zone", [][]string{words(without(goodApex, "zone"), "zone=example.org")}, nil, "it says that it is for zone example.org"},
		{"another instance than the SOA", [][]string{words(without(goodApex, "instance"), "instance=other")}, nil, `its SOA names instance "k3f0" and its cluster record "other"`},
		{"a tag in capitals", [][]string{words(without(goodApex, "tag"), "tag=EU")}, nil, `tag: "EU" is not in lower case`},
		{"a bad mark", [][]string{words(goodApex, "mark=-1")}, nil, `cluster: mark: "-1" is not a number of 64 bits`},
		{"a bad time", [][]string{words(goodApex, "blind=yesterday")}, nil, `cluster: blind: "yesterday" is not a time of RFC 3339`},
		{"a bad address of a name server", [][]string{goodApex, {"ns", "name=x.example.com", "addrs=192.0.2.1,192.0.2.256"}}, nil, `ns: addrs: "192.0.2.256" is not an IPv4 or IPv6 address`},
		{"hears too many", [][]string{words(goodApex, "hears=a", "+"+strings.Repeat(",a", 120), "+"+strings.Repeat(",a", 120), "+"+strings.Repeat(",a", 120))}, nil, "cluster: hears: 361 values; at most 256 are allowed"},
		{"a host with the kept label", [][]string{goodApex}, [][]string{{"host", "name=a._report.cloud.example.com"}}, "host: name:"},
		{"a host under another's label", [][]string{goodApex}, [][]string{{"host", "name=b.cloud.example.com"}}, "host b.cloud.example.com: it stands under the label"},
		{"a host outside the zone", [][]string{goodApex}, [][]string{{"host", "name=app.example.org"}}, "host app.example.org: it does not lie in the zone cloud.example.com"},
		{"two host records", [][]string{goodApex}, [][]string{host, host}, "host app.cloud.example.com: two host records"},
		{"an entry without a host", [][]string{goodApex}, [][]string{{"entry", "addr=192.0.2.1", "family=4"}}, "entries without a host record"},
		{"a family that does not fit", [][]string{goodApex}, [][]string{host, {"entry", "addr=192.0.2.1", "family=6"}}, `host app.cloud.example.com: entry: family: "6" does not fit the address 192.0.2.1`},
		{"an address with a zone", [][]string{goodApex}, [][]string{host, {"entry", "addr=fe80::1%eth0", "family=6"}}, `entry: addr: "fe80::1%eth0" is not`},
		{"an address mapped to IPv6", [][]string{goodApex}, [][]string{host, {"entry", "addr=::ffff:192.0.2.1", "family=6"}}, `entry: addr: "::ffff:192.0.2.1" is not`},
		{"a port beyond", [][]string{goodApex}, [][]string{host, {"entry", "hostname=x", "port=65536"}}, `entry: port: "65536" is not a number of 16 bits`},
		{"a bad weight", [][]string{goodApex}, [][]string{words(host, "weights=eu:1,us")}, `host: weights: "us" is not TAG:WEIGHT`},
		{"a strategy with a blank", [][]string{goodApex}, [][]string{words(host, "strategy=a b")}, `host: strategy: "a b" is not a word`},
		{"a duration without unit", [][]string{goodApex}, [][]string{words(host, "splitbrain=5")}, `host: splitbrain: "5" is not a duration like 5m0s`},
		{"no pair", [][]string{goodApex}, [][]string{words(host, "ttl")}, `"ttl" is not key=value`},
		{"a continuation first", [][]string{goodApex}, [][]string{{"host", "+x"}}, "a record begins with a continuation"},
		{"nothing at all", [][]string{goodApex}, [][]string{{""}}, "a record does not say what it is"},
		{"too many strings", [][]string{goodApex}, [][]string{words(host, many...)}, "a record has more than 512 strings"},
		{"a record of no type", [][]string{goodApex}, [][]string{{"record", "name=app.cloud.example.com", "type=NOSUCH"}}, `record: type: "NOSUCH" is not a record type`},
		{"a record under another's label", [][]string{goodApex}, [][]string{host, {"record", "name=b.cloud.example.com", "type=A"}}, "b.cloud.example.com stands under the same label"},
	} {
		z, err := textZone(t, c.apex, c.host)
		if err == nil {
			_, err = z.Report()
		}
		assert.ErrorContains(t, err, c.want, c.why)
	}
}

func TestLineThatRunsPastItsEnd(t *testing.T) {
	_, err := parseLine([]byte{5, 'h', 'o'})
	assert.ErrorContains(t, err, "runs past the end")
}

func FuzzReport(f *testing.F) {
	f.Add([]byte("\x07cluster\x03v=1"), []byte("\x04host\x1aname=app.cloud.example.com"), []byte("\x05entry\x0eaddr=192.0.2.1"))
	f.Add(rdata(goodApex...), rdata("host", "name=app.cloud.example.com", "weights=a:1", "order=a,b", "splitbrain=5m"), rdata("entry", "n=1", "addr=2001:db8::1", "family=6", "since=2026-01-01T00:00:00Z", "port=443"))
	f.Add(rdata(goodApex...), rdata("record", "name=app.cloud.example.com", "type=TYPE7", "data=x"), rdata("challenge", "name=app.cloud.example.com", "type=TXT", "data=", "+y"))
	f.Fuzz(func(t *testing.T, apex, first, second []byte) {
		z, err := newZone("eu", testZone)
		require.NoError(t, err)
		s := &set{label: hostLabel(gslb.MustName("app.cloud.example.com")), txt: [][]byte{first, second}, size: len(first) + len(second)}
		if s.part, err = parsePart(s, testZone); err != nil {
			return
		}
		z = z.with(map[string]*set{"": {txt: [][]byte{apex}, size: len(apex)}, s.label: s}, soa{instance: "k3f0"})
		r, err := z.Report()
		if err != nil {
			return
		}
		// What was read can be written, and reads the same.
		again, err := Encode(r)
		require.NoError(t, err)
		back, err := again.Report()
		require.NoError(t, err)
		require.Equal(t, r, back)
		_ = z.String()
	})
}
