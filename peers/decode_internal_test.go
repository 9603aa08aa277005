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

// rdataOf joins words to the RDATA of a TXT.
func rdataOf(words ...string) []byte {
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
			d := rdataOf(words...)
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
	} {
		z, err := textZone(t, c.apex, c.host)
		if err == nil {
			_, err = z.Report()
		}
		assert.ErrorContains(t, err, c.want, c.why)
	}
}

// TestRecordsThatCannotBeReadAreLeftOut, and nothing else is: the host and the good
// records beside them stand.
func TestRecordsThatCannotBeReadAreLeftOut(t *testing.T) {
	app := gslb.MustName("app.cloud.example.com")
	good := []string{"record", "n=1", "name=app.cloud.example.com", "type=TXT", "ttl=60", `data="good"`}
	for _, c := range []struct {
		why    string
		record []string
		want   string
	}{
		{"a type that nobody knows", []string{"record", "name=app.cloud.example.com", "type=NOSUCH", "data=x"}, `record: type: "NOSUCH" is not a record type`},
		{"no type", []string{"record", "name=app.cloud.example.com", "data=x"}, "record: type:"},
		{"type 0", []string{"record", "name=app.cloud.example.com", "type=TYPE0", `data=\# 0`}, "record: type: type 0 is none"},
		{"no name", []string{"challenge", "type=TXT", "data=x"}, "challenge: name:"},
		{"another name", []string{"record", "name=b.cloud.example.com", "type=A", "data=192.0.2.1"}, "record b.cloud.example.com stands under the label"},
		{"a name outside the zone", []string{"record", "name=app.example.org", "type=A", "data=192.0.2.1"}, "record app.example.org does not lie in the zone cloud.example.com"},
		{"bad data", []string{"record", "name=app.cloud.example.com", "type=MX", "data=mail"}, `record: data: "mail" is not data of type MX`},
		{"no data", []string{"record", "name=app.cloud.example.com", "type=A"}, "record: data:"},
		{"a TTL beyond RFC 2181", []string{"record", "name=app.cloud.example.com", "type=A", "ttl=2147483648", "data=192.0.2.1"}, `record: ttl: "2147483648" is not a number of 31 bits`},
		{"no UTF-8", []string{"record", "name=app.cloud.example.com", "type=TXT", "data=\xff"}, "record: data: not UTF-8"},
		{"a control character", []string{"record", "name=app.cloud.example.com", "type=TXT", "data=\x01"}, "control character"},
		{"no pair", []string{"challenge", "name"}, `"name" is not key=value`},
	} {
		z, err := textZone(t, [][]string{goodApex}, [][]string{{"host", "name=app.cloud.example.com"}, c.record, good})
		require.NoError(t, err, c.why)
		n, why := z.LeftOut()
		assert.Equal(t, 1, n, c.why)
		assert.ErrorContains(t, why, c.want, c.why)
		r, err := z.Report()
		require.NoError(t, err, c.why)
		assert.NotNil(t, r.Offers[app], c.why)
		assert.Equal(t, []gslb.Record{{Name: app, Type: 16, TTL: 60, Data: `"good"`}}, r.Records, c.why)
		assert.Empty(t, r.Challenges, c.why)
	}
}

// TestOctetsThatAreNoTXTAreRefused, in a record too: such a zone cannot be passed on.
func TestOctetsThatAreNoTXTAreRefused(t *testing.T) {
	broken := []byte("\x06record\x09name=app")
	_, err := parsePart(&set{label: "x", txt: [][]byte{broken}, size: len(broken)}, testZone)
	assert.ErrorIs(t, err, errPastEnd)
}

// TestRecordsAreReadInCanonicalForm: an older release may write them otherwise.
func TestRecordsAreReadInCanonicalForm(t *testing.T) {
	z, err := textZone(t, [][]string{goodApex}, [][]string{
		{"record", "n=0", "name=app.cloud.example.com", "type=CNAME", "data=WWW.Example.net"},
		{"record", "n=1", "name=app.cloud.example.com", "type=TYPE1", `data=\# 4 C0000201`},
		{"challenge", "name=app.cloud.example.com", "type=TXT", "data=token"},
	})
	require.NoError(t, err)
	r, err := z.Report()
	require.NoError(t, err)
	assert.Equal(t, "www.example.net.", r.Records[0].Data)
	assert.Equal(t, "192.0.2.1", r.Records[1].Data)
	assert.Equal(t, `"token"`, r.Challenges[0].Data)
}

// TestAReportHoldsABoundedNumberOfRecords: what is beyond is left out, static records
// before challenges, and hosts never.
func TestAReportHoldsABoundedNumberOfRecords(t *testing.T) {
	r := &gslb.Report{Cluster: "eu", ClusterID: "x", Instance: "k3f0", Zone: testZone}
	for i := range maxRecords {
		r.Records = append(r.Records, gslb.Record{Name: gslb.MustName(fmt.Sprintf("r%d.cloud.example.com", i%300)), Type: 16, Data: fmt.Sprintf(`"%d"`, i)})
	}
	r.Challenges = []gslb.Record{{Name: gslb.MustName("_acme-challenge.cloud.example.com"), Type: 16, Data: `"token"`}}
	z, err := Encode(r)
	require.NoError(t, err)
	n, why := z.LeftOut()
	assert.Equal(t, 1, n)
	assert.ErrorContains(t, why, "at most 4096 are allowed")
	got, err := z.Report()
	require.NoError(t, err)
	assert.Equal(t, r.Challenges, got.Challenges)
	assert.Equal(t, r.Records[:maxRecords-1], got.Records)
}

func TestLineThatRunsPastItsEnd(t *testing.T) {
	_, err := parseLine([]byte{5, 'h', 'o'})
	assert.ErrorContains(t, err, "runs past the end")
}

func FuzzReport(f *testing.F) {
	f.Add([]byte("\x07cluster\x03v=1"), []byte("\x04host\x1aname=app.cloud.example.com"), []byte("\x05entry\x0eaddr=192.0.2.1"))
	f.Add(rdataOf(goodApex...), rdataOf("host", "name=app.cloud.example.com", "weights=a:1", "order=a,b", "splitbrain=5m"), rdataOf("entry", "n=1", "addr=2001:db8::1", "family=6", "since=2026-01-01T00:00:00Z", "port=443"))
	f.Add(rdataOf(goodApex...), rdataOf("record", "name=app.cloud.example.com", "type=TYPE7", "data=x"), rdataOf("challenge", "name=app.cloud.example.com", "type=TXT", "data=", "+y"))
	f.Add(rdataOf(goodApex...), rdataOf("record", "name=app.cloud.example.com", "type=HTTPS", "ttl=5", "data=1 . alpn=h2"), rdataOf("challenge", "name=app.cloud.example.com", "type=MX", "data=bad"))
	f.Add(rdataOf(goodApex...), rdataOf("record", "name=app.cloud.example.com", "type=TYPE65280", `data=\# 2 abcd`), rdataOf("record", "name=*.cloud.example.com", "type=A", "data=192.0.2.1"))
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
