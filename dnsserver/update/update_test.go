// SPDX-License-Identifier: Apache-2.0

package update_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

const (
	name  = "_acme-challenge.app.cloud.example.com."
	other = "_acme-challenge.www.cloud.example.com."
)

func TestRFC2136_ZoneSection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "eu")
		for _, s := range []struct {
			why, want string
			change    func(m *dns.Msg)
		}{
			{"a zone of ours", "NOERROR", func(*dns.Msg) {}},
			{"in any letter case", "NOERROR", func(m *dns.Msg) { m.Question[0].Name = "Cloud.EXAMPLE.com." }},
			{"a zone of others", "NOTAUTH", func(m *dns.Msg) { m.Question[0].Name = "example.com." }},
			{"a name in a zone of ours is none", "NOTAUTH", func(m *dns.Msg) { m.Question[0].Name = "app.cloud.example.com." }},
			{"a name that cannot be a zone of ours", "NOTAUTH", func(m *dns.Msg) { m.Question[0].Name = `a\.b.example.com.` }},
			{"the root", "NOTAUTH", func(m *dns.Msg) { m.Question[0].Name = "." }},
			{"class CH", "NOTAUTH", func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }},
			{"not an SOA", "FORMERR", func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeTXT }},
			{"two zones", "FORMERR", func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }},
			{"no zone", "FORMERR", func(m *dns.Msg) { m.Question = nil }},
		} {
			m := newUpdate()
			s.change(m)
			assert.Equal(t, s.want, c.send(m, acme), s.why)
		}
	})
}

// TestRFC2136_PrerequisitesAreJudgedByWhatIsServed: hosts, static records and the
// challenges of all clusters are there for them.
func TestRFC2136_PrerequisitesAreJudgedByWhatIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		eu := newCluster(t, "eu", "mail.cloud.example.com MX 10 mx.example.net", "alias.cloud.example.com CNAME app.cloud.example.com")
		us := newCluster(t, "us")
		require.Equal(t, "NOERROR", us.send(add(t, name, "of-us"), acme))
		eu.reads(us)
		require.Equal(t, "NOERROR", eu.send(add(t, name, "of-eu"), acme))
		for _, s := range []struct {
			why, want string
			pre       []dns.RR
		}{
			{"a host is in use", "NOERROR", []dns.RR{empty("app.cloud.example.com.", dns.TypeANY, dns.ClassANY)}},
			{"it has addresses", "YXRRSET", []dns.RR{empty("APP.cloud.example.com.", dns.TypeA, dns.ClassNONE)}},
			{"a static record", "NOERROR", []dns.RR{rr(t, "mail.cloud.example.com. 0 IN MX 10 MX.example.net.")}},
			{"another one than that", "NXRRSET", []dns.RR{rr(t, "mail.cloud.example.com. 0 IN MX 20 mx.example.net.")}},
			{"the apex has an SOA", "NOERROR", []dns.RR{empty(zone.FQDN(), dns.TypeSOA, dns.ClassANY)}},
			{"the tokens of both clusters", "NOERROR", []dns.RR{rr(t, name+` 0 IN TXT "of-us"`), rr(t, name+` 0 IN TXT "of-eu"`)}},
			{"not ours alone", "NXRRSET", []dns.RR{rr(t, name+` 0 IN TXT "of-eu"`)}},
			{"the name is taken", "YXDOMAIN", []dns.RR{empty(name, dns.TypeANY, dns.ClassNONE)}},
			{"a name that is not there", "NXDOMAIN", []dns.RR{empty("no.cloud.example.com.", dns.TypeANY, dns.ClassANY)}},
			{"nor can be", "NXDOMAIN", []dns.RR{empty(`a\.b.cloud.example.com.`, dns.TypeANY, dns.ClassANY)}},
			{"a name of the zone below", "NOTZONE", []dns.RR{empty("deep.cloud.example.com.", dns.TypeANY, dns.ClassANY)}},
			{"a name of nobody", "NOTZONE", []dns.RR{empty("example.org.", dns.TypeANY, dns.ClassANY)}},
			{"with a TTL", "FORMERR", []dns.RR{rr(t, "mail.cloud.example.com. 1 IN MX 10 mx.example.net.")}},
		} {
			before := eu.held()
			m := add(t, other, "new")
			m.Answer = s.pre
			assert.Equal(t, s.want, eu.send(m, acme), s.why)
			if s.want == "NOERROR" {
				assert.NotEqual(t, before, eu.held(), s.why)
				require.Equal(t, "NOERROR", eu.send(remove(t, other, "new"), acme))
			}
			assert.Equal(t, before, eu.held(), s.why)
		}
	})
}

func TestRFC2136_Changes(t *testing.T) {
	for _, c := range []struct {
		why  string
		ns   []string // as zone-file lines; "-" before one: delete it; "- NAME TYPE": delete the set
		want string
		held []string
	}{
		{"add", []string{name + ` 60 IN TXT "two"`}, "NOERROR", []string{`_acme-challenge.app 60 "one"`, `_acme-challenge.app 60 "two"`}},
		{"add what is there", []string{strings.ToUpper(name) + ` 60 IN TXT "one"`}, "NOERROR", []string{`_acme-challenge.app 60 "one"`}},
		{"another TTL is that of the whole set", []string{name + ` 120 IN TXT "two"`}, "NOERROR", []string{`_acme-challenge.app 120 "one"`, `_acme-challenge.app 120 "two"`}},
		{"a TTL of nothing is one second", []string{name + ` 0 IN TXT "one"`}, "NOERROR", []string{`_acme-challenge.app 1 "one"`}},
		{"a TTL of days is an hour", []string{name + ` 864000 IN TXT "one"`}, "NOERROR", []string{`_acme-challenge.app 3600 "one"`}},
		{"letter case of data counts", []string{name + ` 60 IN TXT "ONE"`}, "NOERROR", []string{`_acme-challenge.app 60 "ONE"`, `_acme-challenge.app 60 "one"`}},
		{"several strings, odd octets", []string{name + ` 60 IN TXT "a b" "c\"\000\255;"`}, "NOERROR", []string{`_acme-challenge.app 60 "a b" "c\"\000\255;"`, `_acme-challenge.app 60 "one"`}},
		{"delete a record", []string{"-" + name + ` 0 IN TXT "one"`}, "NOERROR", []string{}},
		{"delete one that is not there", []string{"-" + name + ` 0 IN TXT "no"`}, "NOERROR", []string{`_acme-challenge.app 60 "one"`}},
		{"delete a set", []string{"- " + name + " TXT"}, "NOERROR", []string{}},
		{"delete a name", []string{"- " + name + " ANY"}, "NOERROR", []string{}},
		{"delete what was never there", []string{"- " + other + " ANY"}, "NOERROR", []string{`_acme-challenge.app 60 "one"`}},
		{"delete, then add", []string{"- " + name + " TXT", name + ` 60 IN TXT "two"`}, "NOERROR", []string{`_acme-challenge.app 60 "two"`}},
		{"add, then delete", []string{name + ` 60 IN TXT "two"`, "- " + name + " TXT"}, "NOERROR", []string{}},
		{"two names", []string{name + ` 60 IN TXT "two"`, other + ` 60 IN TXT "two"`}, "NOERROR", []string{`_acme-challenge.app 60 "one"`, `_acme-challenge.app 60 "two"`, `_acme-challenge.www 60 "two"`}},
		{"the challenge of the zone itself", []string{`_acme-challenge.cloud.example.com. 60 IN TXT "x"`}, "NOERROR", []string{`_acme-challenge 60 "x"`, `_acme-challenge.app 60 "one"`}},
		{"a CNAME at the name: passed over (§3.4.2.2)", []string{`_acme-challenge.alias.cloud.example.com. 60 IN TXT "x"`}, "NOERROR", []string{`_acme-challenge.app 60 "one"`}},
		{"nothing", nil, "NOERROR", []string{`_acme-challenge.app 60 "one"`}},

		{"a name that the key has not", []string{name + ` 60 IN TXT "two"`, `app.cloud.example.com. 60 IN TXT "x"`}, "REFUSED", nil},
		{"below a challenge", []string{`x._acme-challenge.app.cloud.example.com. 60 IN TXT "x"`}, "REFUSED", nil},
		{"another type", []string{name + ` 60 IN TXT "two"`, name + ` 60 IN A 192.0.2.1`}, "REFUSED", nil},
		{"a CNAME", []string{name + ` 60 IN CNAME x.example.com.`}, "REFUSED", nil},
		{"deleting another type", []string{"- " + name + " A"}, "REFUSED", nil},
		{"deleting a record of another type", []string{"-" + name + ` 0 IN A 192.0.2.1`}, "REFUSED", nil},
		{"the apex", []string{"- " + zone.FQDN() + " ANY"}, "REFUSED", nil},
		{"a name that cannot be kept", []string{`_acme-challenge.a\.b.cloud.example.com. 60 IN TXT "x"`}, "REFUSED", nil},
		{"a name of the exchange", []string{`_acme-challenge._report.eu.cloud.example.com. 60 IN TXT "x"`}, "REFUSED", nil},
		{"delegated to others", []string{`_acme-challenge.x.sub.cloud.example.com. 60 IN TXT "x"`}, "REFUSED", nil},
		{"at the delegation", []string{`_acme-challenge.cut.cloud.example.com. 60 IN TXT "x"`}, "REFUSED", nil},
		{"outside the zone", []string{name + ` 60 IN TXT "two"`, `_acme-challenge.example.org. 60 IN TXT "x"`}, "NOTZONE", nil},
		{"in the zone below", []string{`_acme-challenge.deep.cloud.example.com. 60 IN TXT "x"`}, "NOTZONE", nil},
		{"another class", []string{name + ` 60 IN TXT "two"`, name + ` 60 CH TXT "x"`}, "FORMERR", nil},
		{"too much data", []string{name + ` 60 IN TXT ` + strings.Repeat(`"`+strings.Repeat("x", 255)+`" `, 3)}, "REFUSED", nil},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				eu := newCluster(t, "eu", "sub.cloud.example.com NS ns.example.net", "_acme-challenge.cut.cloud.example.com NS ns.example.net",
					"_acme-challenge.alias.cloud.example.com CNAME app.cloud.example.com")
				require.Equal(t, "NOERROR", eu.send(add(t, name, "one"), acme))
				before := eu.held()
				serial := eu.shown.Load().Zone(zone).Serial
				m := newUpdate()
				for _, l := range c.ns {
					m.Ns = append(m.Ns, change(t, l))
				}
				assert.Equal(t, c.want, eu.send(m, acme))
				if c.held == nil {
					c.held = before
				}
				assert.Equal(t, c.held, eu.held())
				if fmt.Sprint(before) == fmt.Sprint(c.held) {
					assert.Equal(t, serial, eu.shown.Load().Zone(zone).Serial, "the serial moves with the content only")
				}
			})
		})
	}
}

// change reads a line of a test.
func change(t *testing.T, line string) dns.RR {
	if rest, ok := strings.CutPrefix(line, "- "); ok {
		owner, typ, _ := strings.Cut(rest, " ")
		return empty(owner, dns.StringToType[typ], dns.ClassANY)
	}
	if rest, ok := strings.CutPrefix(line, "-"); ok {
		return none(rr(t, rest))
	}
	return rr(t, line)
}

// TestClustersTakeNothingFromEachOther: what one deletes, whichever way, is its own
// part; the other's is served as before.
func TestClustersTakeNothingFromEachOther(t *testing.T) {
	for why, del := range map[string]func(t *testing.T) *dns.Msg{
		"the record": func(t *testing.T) *dns.Msg { return remove(t, name, "both") },
		"the set": func(*testing.T) *dns.Msg {
			m := newUpdate()
			m.RemoveRRset([]dns.RR{empty(name, dns.TypeTXT, dns.ClassANY)})
			return m
		},
		"the name": func(*testing.T) *dns.Msg {
			m := newUpdate()
			m.RemoveName([]dns.RR{empty(name, dns.TypeANY, dns.ClassANY)})
			return m
		},
	} {
		t.Run(why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				eu, us := newCluster(t, "eu"), newCluster(t, "us")
				require.Equal(t, "NOERROR", eu.send(add(t, name, "both"), acme))
				require.Equal(t, "NOERROR", us.send(add(t, name, "both"), acme))
				require.Equal(t, "NOERROR", us.send(add(t, name, "of-us"), acme))
				eu.reads(us)
				require.Equal(t, []string{`"both"`, `"of-us"`}, eu.txt(name))
				require.Equal(t, "NOERROR", eu.send(del(t), acme))
				assert.Empty(t, eu.held())
				assert.Equal(t, []string{`"both"`, `"of-us"`}, eu.txt(name), "us still says so")
				us.reads(eu)
				assert.Equal(t, []string{`"both"`, `"of-us"`}, us.txt(name))
				assert.Len(t, us.held(), 2)
			})
		})
	}
}

func TestKeysAndTheirNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "eu")
		inZone := func(z gslb.Name, owner string) *dns.Msg {
			m := new(dns.Msg).SetUpdate(z.FQDN())
			m.Insert([]dns.RR{rr(t, owner+` 60 IN TXT "x"`)})
			return m
		}
		assert.Equal(t, "NOERROR", c.send(inZone(zone, "team.cloud.example.com."), team), "the name of a scope")
		assert.Equal(t, "NOERROR", c.send(inZone(zone, "_acme-challenge.x.TEAM.cloud.example.com."), team), "and what lies below it")
		assert.Equal(t, "NOERROR", c.send(inZone(zone, "*.team.cloud.example.com."), team), "a wildcard below it")
		assert.Equal(t, "NOERROR", c.send(inZone(nested, "any.deep.cloud.example.com."), team), "the second scope, in another zone")
		assert.Equal(t, "REFUSED", c.send(inZone(zone, "xteam.cloud.example.com."), team), "not on a label boundary")
		assert.Equal(t, "REFUSED", c.send(inZone(zone, name), team), "a key with scopes has no other names")
		assert.Equal(t, "REFUSED", c.send(inZone(zone, "team.cloud.example.com."), acme), "a key without has challenges only")
		assert.Equal(t, "NOERROR", c.send(inZone(nested, "_acme-challenge.deep.cloud.example.com."), acme), "of every zone")
	})
}

func TestHowMuchIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "eu")
		m := newUpdate()
		for i := range 16 {
			m.Ns = append(m.Ns, rr(t, fmt.Sprintf("%s 60 IN TXT t%d", name, i)))
		}
		require.Equal(t, "NOERROR", c.send(m, acme))
		assert.Equal(t, "REFUSED", c.send(add(t, name, "one-more"), acme))
		assert.Equal(t, "NOERROR", c.send(add(t, name, "t3"), acme), "what is there is no more")
		m = remove(t, name, "t3")
		m.Insert([]dns.RR{rr(t, name+" 60 IN TXT new")})
		assert.Equal(t, "NOERROR", c.send(m, acme), "one for another")

		m = newUpdate()
		for i := range 65 {
			m.Ns = append(m.Ns, rr(t, fmt.Sprintf("_acme-challenge.n%d.cloud.example.com. 60 IN TXT t", i)))
		}
		assert.Equal(t, "REFUSED", c.send(m, acme), "more in one message than is taken")
		for host := 16; host < 512; host += 31 {
			m = newUpdate()
			for i := range 31 {
				m.Ns = append(m.Ns, rr(t, fmt.Sprintf("_acme-challenge.n%d.cloud.example.com. 60 IN TXT t", host+i)))
			}
			require.Equal(t, "NOERROR", c.send(m, acme))
		}
		require.Len(t, c.held(), 512)
		assert.Equal(t, "REFUSED", c.send(add(t, other, "one-more"), acme), "512 in all")
		assert.Equal(t, "NOERROR", c.send(remove(t, name, "new"), acme))
		assert.Equal(t, "NOERROR", c.send(add(t, other, "one-more"), acme))

		long := newUpdate()
		for i := range 60 {
			long.Ns = append(long.Ns, rr(t, fmt.Sprintf(`_acme-challenge.l%d.cloud.example.com. 60 IN TXT "%s"`, i, strings.Repeat("x", 255))))
		}
		assert.Equal(t, "REFUSED", c.send(long, acme), "16 KiB of a message")
		assert.EqualValues(t, 512, gauge(t, c))
	})
}

func gauge(t *testing.T, c *cluster) float64 {
	all, err := c.metrics.Gather()
	require.NoError(t, err)
	for _, f := range all {
		if f.GetName() == "meridian_update_challenges" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatal("no gauge")
	return 0
}

// TestNothingIsAcknowledgedThatIsNotKept: without a storage that works, and without a
// table that shows it, the answer is SERVFAIL.
func TestNothingIsAcknowledgedThatIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "eu")
		require.Equal(t, "NOERROR", c.send(add(t, name, "one"), acme))
		c.storage.fail = errors.New("the API is away")
		assert.Equal(t, "SERVFAIL", c.send(add(t, name, "two"), acme))
		assert.Equal(t, "SERVFAIL", c.send(remove(t, name, "one"), acme))
		assert.Equal(t, []string{`"one"`}, c.txt(name), "the last good goes on being served")
		assert.Equal(t, "NOERROR", c.send(add(t, name, "one"), acme), "what changes nothing needs no storage")
		assert.Equal(t, "YXDOMAIN", func() string {
			m := add(t, name, "two")
			m.NameNotUsed([]dns.RR{empty(name, dns.TypeANY, dns.ClassANY)})
			return c.send(m, acme)
		}(), "prerequisites are answered")
		c.storage.fail = nil
		assert.Equal(t, "NOERROR", c.send(add(t, name, "two"), acme))

		c.deaf.Store(true)
		assert.Equal(t, "SERVFAIL", c.send(add(t, name, "three"), acme), "kept, but not served here")
		const want = `# HELP meridian_update_messages_total Dynamic updates of our zones, by result: changed, unchanged, prerequisite (one does not hold), refused, formerr, notauth, notzone, failed (not stored or not served), unsigned, badkey, badsig, badtime, badtrunc.
# TYPE meridian_update_messages_total counter
meridian_update_messages_total{result="badkey"} 0
meridian_update_messages_total{result="badsig"} 0
meridian_update_messages_total{result="badtime"} 0
meridian_update_messages_total{result="badtrunc"} 0
meridian_update_messages_total{result="changed"} 2
meridian_update_messages_total{result="failed"} 3
meridian_update_messages_total{result="formerr"} 0
meridian_update_messages_total{result="notauth"} 0
meridian_update_messages_total{result="notzone"} 0
meridian_update_messages_total{result="prerequisite"} 1
meridian_update_messages_total{result="refused"} 0
meridian_update_messages_total{result="unchanged"} 1
meridian_update_messages_total{result="unsigned"} 0
`
		assert.NoError(t, testutil.GatherAndCompare(c.metrics, strings.NewReader(want), "meridian_update_messages_total"))
	})
}

// TestAnotherReplicaWasFaster: the update is judged anew by what that one wrote.
func TestAnotherReplicaWasFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "eu")
		c.storage.before = func() { c.storage.held = records(t, []string{"_acme-challenge.app.cloud.example.com TXT faster"}) }
		m := add(t, name, "one")
		m.NameNotUsed([]dns.RR{empty(name, dns.TypeANY, dns.ClassANY)})
		assert.Equal(t, "YXDOMAIN", c.send(m, acme))
		c.storage.before = func() { c.storage.held = records(t, []string{"_acme-challenge.app.cloud.example.com TXT fastest"}) }
		assert.Equal(t, "NOERROR", c.send(add(t, name, "one"), acme))
		assert.Equal(t, []string{`"fastest"`, `"one"`}, c.txt(name))
	})
}
