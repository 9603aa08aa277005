// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// typesByWord are the types of these tests; "65280" is one that nobody knows.
var typesByWord = map[string]uint16{
	"A": typeA, "NS": typeNS, "CNAME": typeCNAME, "SOA": typeSOA, "MX": 15, "TXT": 16, "AAAA": typeAAAA,
	"DNAME": typeDNAME, "OPT": typeOPT, "DS": typeDS, "RRSIG": typeRRSIG, "NSEC": typeNSEC, "ANY": 255,
	"NXNAME": 128, "CAA": 257, "ZERO": 0, "65280": 65280,
}

func wordOfType(t uint16) string {
	for w, n := range typesByWord {
		if n == t {
			return w
		}
	}
	return fmt.Sprint(t)
}

// stated reads "us: app TXT hello; @ MX 10 mail" into what a cluster states. A word
// "ttl=5" before the type gives a TTL, and "+" before the name makes it a challenge.
func stated(t testing.TB, zone Name, lines ...string) []recordsOf {
	t.Helper()
	var all []recordsOf
	for _, line := range lines {
		tag, list, _ := strings.Cut(line, ": ")
		c := recordsOf{cluster: GeoTag(tag)}
		for one := range strings.SplitSeq(list, "; ") {
			f := strings.Fields(one)
			r := Record{Name: zone, TTL: 300}
			name, challenge := strings.CutPrefix(f[0], "+")
			switch {
			case strings.HasSuffix(name, "."):
				r.Name = MustName(name)
			case name != "@":
				r.Name = MustName(name + "." + zone.String())
			}
			if ttl, ok := strings.CutPrefix(f[1], "ttl="); ok {
				_, err := fmt.Sscan(ttl, &r.TTL)
				require.NoError(t, err)
				f = f[1:]
			}
			r.Type = typesByWord[f[1]]
			r.Data = strings.Join(f[2:], " ")
			if challenge {
				c.challenges = append(c.challenges, r)
			} else {
				c.static = append(c.static, r)
			}
		}
		all = append(all, c)
	}
	return all
}

// rulesOf makes rules with the given hosts, for a zone with a nested one.
func rulesOf(zone, nested Name, hosts ...Name) recordRules {
	return recordRules{
		zone: zone,
		zoneOf: func(n Name) Name {
			switch {
			case n.In(nested):
				return nested
			case n.In(zone):
				return zone
			}
			return Name{}
		},
		isHost: func(n Name) bool { return slices.Contains(hosts, n) },
		hostBelow: func(n Name) Name {
			for _, h := range slices.SortedFunc(slices.Values(hosts), Name.Compare) {
				if h.In(n) && !h.In(nested) {
					return h
				}
			}
			return Name{}
		},
	}
}

// served writes the sets as "name TTL type data|data (eu us)", without the zone.
func served(r *Records, zone Name) []string {
	var out []string
	for _, s := range recordsOrNone(r).Sets {
		out = append(out, fmt.Sprintf("%s %d %s %s %v", short(s.Name, zone), s.TTL, wordOfType(s.Type), strings.Join(s.Data, "|"), s.Clusters))
	}
	return out
}

// refused writes the conflicts as "name type reason with (eu us)".
func refused(r *Records, zone Name) []string {
	var out []string
	for _, c := range recordsOrNone(r).Conflicts {
		out = append(out, strings.ReplaceAll(fmt.Sprintf("%s %s %s %s %v", short(c.Name, zone), wordOfType(c.Type), c.Reason, short(c.With, zone), c.Clusters), "  ", " "))
	}
	return out
}

func recordsOrNone(r *Records) *Records {
	if r == nil {
		return &Records{}
	}
	return r
}

func short(n, zone Name) string {
	switch {
	case n.IsZero():
		return ""
	case n == zone:
		return "@"
	case n.Below(zone):
		return strings.TrimSuffix(n.String(), "."+zone.String())
	}
	return n.FQDN()
}

// TestRecordsFollowTheirTable walks the table of unionRecords row by row. The zone has
// the hosts app, *.wild and deep.sub, and sub2 is a zone of its own.
func TestRecordsFollowTheirTable(t *testing.T) {
	zone := MustName("cloud.example.com")
	nested := MustName("sub2.cloud.example.com")
	long := strings.Repeat("x", 2000)
	for _, c := range []struct {
		why      string
		in       []string
		sets     []string
		conflict []string
	}{
		{"one cluster's set", []string{"eu: www A 192.0.2.1; www A 192.0.2.2"}, []string{"www 300 A 192.0.2.1|192.0.2.2 [eu]"}, nil},
		{"two clusters make one set, each record once, with the lowest TTL",
			[]string{"us: www ttl=60 A 192.0.2.1; www A 192.0.2.3", "eu: www A 192.0.2.2; www A 192.0.2.1"},
			[]string{"www 60 A 192.0.2.1|192.0.2.2|192.0.2.3 [eu us]"}, nil},
		{"a challenge joins the static records of its name", []string{"eu: _acme-challenge TXT \"a\"", "us: +_acme-challenge TXT \"b\""},
			[]string{`_acme-challenge 300 TXT "a"|"b" [eu us]`}, nil},
		{"the name lies in no zone of ours", []string{"eu: www.example.org. A 192.0.2.1"}, nil, []string{"www.example.org. A OutsideZone [eu]"}},
		{"the name lies in a zone of ours below", []string{"eu: x.sub2 A 192.0.2.1"}, nil, []string{"x.sub2 A OutsideZone sub2 [eu]"}},
		{"a delegation of a zone of ours is made by us", []string{"eu: sub2 NS ns.example.net."}, nil, []string{"sub2 NS OutsideZone sub2 [eu]"}},
		{"the exchange is nobody's", []string{"eu: x._report.eu TXT \"x\""}, nil, []string{"x._report.eu TXT ReservedName [eu]"}},
		{"meta types and what is made by a server", []string{"eu: a SOA x; b DNAME x; c ZERO x; d OPT x; e ANY x; f NXNAME x; g RRSIG x; h NSEC x"}, nil,
			[]string{"a SOA UnservableType [eu]", "b DNAME UnservableType [eu]", "c ZERO UnservableType [eu]", "d OPT UnservableType [eu]",
				"e ANY UnservableType [eu]", "f NXNAME UnservableType [eu]", "g RRSIG UnservableType [eu]", "h NSEC UnservableType [eu]"}},
		{"types beyond the meta types, known or not", []string{"eu: a CAA x; a 65280 y"}, []string{"a 300 CAA x [eu]", "a 300 65280 y [eu]"}, nil},
		{"the apex has data, and no CNAME, NS and DS of others", []string{"eu: @ MX 10 m; @ CNAME x.; @ NS x.; @ DS 1; @ A 192.0.2.1"},
			[]string{"@ 300 A 192.0.2.1 [eu]", "@ 300 MX 10 m [eu]"},
			[]string{"@ NS AtApex [eu]", "@ CNAME AtApex [eu]", "@ DS AtApex [eu]"}},
		{"a host keeps its addresses, and takes other types", []string{"eu: app A 192.0.2.1; app AAAA 2001:db8::1; app TXT \"x\"; app CAA y"},
			[]string{`app 300 TXT "x" [eu]`, "app 300 CAA y [eu]"}, []string{"app A AtHost app [eu]", "app AAAA AtHost app [eu]"}},
		{"no CNAME at a host", []string{"eu: app CNAME x."}, nil, []string{"app CNAME AtHost app [eu]"}},
		{"no addresses at a host that is a wildcard", []string{"eu: *.wild A 192.0.2.1; x.wild A 192.0.2.2"},
			[]string{"x.wild 300 A 192.0.2.2 [eu]"}, []string{"*.wild A AtHost *.wild [eu]"}},
		{"a delegation at a host", []string{"eu: app NS ns.example.net."}, nil, []string{"app NS AboveHost app [eu]"}},
		{"a delegation above a host", []string{"eu: sub NS ns.example.net."}, nil, []string{"sub NS AboveHost deep.sub [eu]"}},
		{"a delegation below a host hides nothing", []string{"eu: x.app NS ns.example.net."}, []string{"x.app 300 NS ns.example.net. [eu]"}, nil},
		{"a delegation below a wildcard", []string{"eu: x.wild NS ns.example.net."}, []string{"x.wild 300 NS ns.example.net. [eu]"}, nil},
		{"a delegation at a wildcard", []string{"eu: *.w NS ns.example.net."}, nil, []string{"*.w NS AtWildcard [eu]"}},
		{"more than a message holds", []string{"eu: big TXT " + strings.Repeat("a", 32_000), "us: big TXT " + strings.Repeat("b", 32_000)}, nil,
			[]string{"big TXT TooLarge [eu us]"}},
		{"as much as a message holds", []string{"eu: big TXT " + long}, []string{"big 300 TXT " + long + " [eu]"}, nil},
		{"at a delegation: NS, DS and addresses of its servers", []string{"eu: d NS d.cloud.example.com.; d DS 1; d A 192.0.2.1; d AAAA 2001:db8::1; d TXT \"x\"; d CNAME x."},
			[]string{"d 300 A 192.0.2.1 [eu]", "d 300 NS d.cloud.example.com. [eu]", "d 300 AAAA 2001:db8::1 [eu]", "d 300 DS 1 [eu]"},
			[]string{"d CNAME BelowDelegation d [eu]", "d TXT BelowDelegation d [eu]"}},
		{"below a delegation: addresses of its servers", []string{"eu: d NS ns.d.cloud.example.com.", "us: ns.d A 192.0.2.1; ns.d TXT \"x\"; e.d NS x.; e.d DS 1; *.d A 192.0.2.2"},
			[]string{"*.d 300 A 192.0.2.2 [us]", "d 300 NS ns.d.cloud.example.com. [eu]", "ns.d 300 A 192.0.2.1 [us]"},
			[]string{"e.d NS BelowDelegation d [us]", "e.d DS BelowDelegation d [us]", "ns.d TXT BelowDelegation d [us]"}},
		{"a delegation that is out hides nothing", []string{"eu: sub NS x.; a.sub TXT \"x\""}, []string{`a.sub 300 TXT "x" [eu]`}, []string{"sub NS AboveHost deep.sub [eu]"}},
		{"a DS without a delegation", []string{"eu: d DS 1"}, nil, []string{"d DS NoDelegation [eu]"}},
		{"a DS whose delegation is out", []string{"eu: app DS 1; app NS x."}, nil, []string{"app NS AboveHost app [eu]", "app DS NoDelegation [eu]"}},
		{"a CNAME alone", []string{"eu: c CNAME x."}, []string{"c 300 CNAME x. [eu]"}, nil},
		{"a CNAME at a wildcard", []string{"eu: *.c CNAME x."}, []string{"*.c 300 CNAME x. [eu]"}, nil},
		{"a CNAME beside another cluster's data", []string{"eu: c CNAME x.", "us: c TXT \"x\""}, []string{`c 300 TXT "x" [us]`}, []string{"c CNAME CNAMEBesideData [eu]"}},
		{"a CNAME beside a challenge", []string{"eu: c CNAME x.; +c TXT \"x\""}, []string{`c 300 TXT "x" [eu]`}, []string{"c CNAME CNAMEBesideData [eu]"}},
		{"a CNAME beside data that are out", []string{"eu: c CNAME x.; c DS 1; c SOA y"}, []string{"c 300 CNAME x. [eu]"}, []string{"c SOA UnservableType [eu]", "c DS NoDelegation [eu]"}},
		{"the same CNAME of two clusters", []string{"us: c CNAME x.", "eu: c CNAME x."}, []string{"c 300 CNAME x. [eu us]"}, nil},
		{"two targets: the first cluster's by geo tag", []string{"us: c CNAME a.", "eu: c CNAME b."}, []string{"c 300 CNAME b. [eu us]"}, []string{"c CNAME TwoTargets [eu us]"}},
		{"two targets of one cluster, in any order: the first by text", []string{"us: c CNAME a.", "eu: c CNAME x.; c CNAME b.; c CNAME y."}, []string{"c 300 CNAME b. [eu us]"}, []string{"c CNAME TwoTargets [eu us]"}},
		{"nothing", nil, nil, nil},
	} {
		t.Run(c.why, func(t *testing.T) {
			rules := rulesOf(zone, nested, MustName("app.cloud.example.com"), MustName("*.wild.cloud.example.com"), MustName("deep.sub.cloud.example.com"), MustName("h.sub2.cloud.example.com"))
			got := unionRecords(stated(t, zone, c.in...), rules)
			assert.Equal(t, c.sets, served(got, zone), "served")
			assert.Equal(t, c.conflict, refused(got, zone), "left out")
			if len(c.sets) == 0 && len(c.conflict) == 0 {
				assert.Nil(t, got, "nothing is no Records")
			}
		})
	}
}

// randomRecords makes what a few clusters state, of few names and types, so that
// everything meets everything.
func randomRecords(rng *rand.Rand, zone Name) []recordsOf {
	labels := []string{"@", "a", "b", "a.b", "c.a.b", "*", "*.b", "app", "x.app", "sub", "x.sub", "_report", "n.sub2", "sub2"}
	types := []uint16{typeA, typeNS, typeCNAME, typeSOA, 16, typeAAAA, typeDS, typeDNAME, 257}
	var all []recordsOf
	for _, tag := range []GeoTag{"ap", "eu", "us"}[:1+rng.IntN(3)] {
		c := recordsOf{cluster: tag}
		for range rng.IntN(12) {
			r := Record{Name: zone, Type: types[rng.IntN(len(types))], TTL: uint32(rng.IntN(4)), Data: string(rune('p' + rng.IntN(3)))}
			if l := labels[rng.IntN(len(labels))]; l != "@" {
				r.Name = MustName(l + "." + zone.String())
			}
			if rng.IntN(4) == 0 {
				c.challenges = append(c.challenges, r)
			} else {
				c.static = append(c.static, r)
			}
		}
		all = append(all, c)
	}
	return all
}

// TestRecordsKeepTheirPromises: whatever clusters state, what is served is a zone.
func TestRecordsKeepTheirPromises(t *testing.T) {
	zone, nested := MustName("z.test"), MustName("sub2.z.test")
	hosts := []Name{MustName("app.z.test"), MustName("deep.sub.z.test"), MustName("*.b.z.test"), MustName("h.sub2.z.test")}
	rules := rulesOf(zone, nested, hosts...)
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 7))
		in := randomRecords(rng, zone)
		got := unionRecords(slices.Clone(in), rules)
		for i := range in { // another cluster hears the same in another order
			rng.Shuffle(len(in[i].static), func(a, b int) {
				in[i].static[a], in[i].static[b] = in[i].static[b], in[i].static[a]
			})
			rng.Shuffle(len(in[i].challenges), func(a, b int) {
				in[i].challenges[a], in[i].challenges[b] = in[i].challenges[b], in[i].challenges[a]
			})
		}
		rng.Shuffle(len(in), func(a, b int) { in[a], in[b] = in[b], in[a] })
		require.Equal(t, got, unionRecords(in, rules), "seed %d: the order of clusters and records means nothing", seed)
		checkPromises(t, fmt.Sprintf("seed %d", seed), in, recordsOrNone(got), rules, hosts)
	}
}

func checkPromises(t *testing.T, seed string, in []recordsOf, got *Records, rules recordRules, hosts []Name) {
	t.Helper()
	sets, types, cuts := make(map[recordKey]*RecordSet), make(map[Name][]uint16), make(map[Name]bool)
	for i := range got.Sets {
		s := &got.Sets[i]
		k := recordKey{s.Name, s.Type}
		require.Nil(t, sets[k], "%s: %v twice", seed, k)
		sets[k] = s
		types[s.Name] = append(types[s.Name], s.Type)
		cuts[s.Name] = cuts[s.Name] || s.Type == typeNS
		require.True(t, slices.IsSorted(s.Data) && slices.IsSorted(s.Clusters), seed)
		require.Equal(t, rules.zone, rules.zoneOf(s.Name), seed)
	}
	out := make(map[recordKey]ConflictReason)
	for _, c := range got.Conflicts {
		k := recordKey{c.Name, c.Type}
		require.NotContains(t, out, k, seed)
		out[k] = c.Reason
		require.NotEmpty(t, c.Clusters, seed)
	}
	for _, c := range in {
		for _, r := range slices.Concat(c.static, c.challenges) {
			k := recordKey{r.Name, r.Type}
			s, why := sets[k], out[k]
			require.True(t, (s != nil) != (why != "") || s != nil && why == ConflictTwoTargets, "%s: %v is served or left out", seed, k)
			if s != nil {
				require.LessOrEqual(t, s.TTL, r.TTL, seed)
				require.True(t, why != "" || slices.Contains(s.Data, r.Data), "%s: %v lost %s", seed, k, r.Data)
			}
		}
	}
	for n, all := range types {
		require.False(t, slices.Contains(all, typeCNAME) && len(all) > 1, "%s: a CNAME beside data at %s", seed, n)
		require.False(t, slices.Contains(hosts, n) && (slices.Contains(all, typeA) || slices.Contains(all, typeAAAA) || slices.Contains(all, typeCNAME) || cuts[n]), "%s: the host %s is hidden", seed, n)
		require.False(t, slices.Contains(all, typeDS) && !cuts[n], "%s: DS without NS at %s", seed, n)
		for above := n.Parent(); above.Below(rules.zone); above = above.Parent() {
			for _, typ := range all {
				require.False(t, cuts[above] && typ != typeA && typ != typeAAAA, "%s: type %d at %s below the delegation %s", seed, typ, n, above)
			}
		}
		for _, h := range hosts {
			require.False(t, cuts[n] && h.In(n) && rules.zoneOf(h) == rules.zone, "%s: delegation %s above host %s", seed, n, h)
		}
	}
}

// TestAHostMattersToRecords: which hosts make the records of a zone anew.
func TestAHostMattersToRecords(t *testing.T) {
	zone := MustName("cloud.example.com")
	m := &merger{records: map[Name]*zoneRecords{}}
	for _, c := range []struct {
		host string
		want bool
		why  string
	}{
		{"app.cloud.example.com", true, "a record stands there"},
		{"a.d.cloud.example.com", true, "a delegation stands above"},
		{"d.cloud.example.com", true, "a delegation stands there"},
		{"x.b.d.cloud.example.com", true, "a delegation stands further above"},
		{"x.app.cloud.example.com", false, "no delegation stands above"},
		{"other.cloud.example.com", false, "nothing stands there"},
		{"d.example.org", false, "in no zone of ours"},
	} {
		have := &zoneRecords{names: namesOf(stated(t, zone, "eu: app TXT x; d TXT x; d NS x.", "us: +d TXT y"))}
		m.records[zone] = have
		h := &Host{Name: MustName(c.host), Zone: zone}
		if !h.Name.In(zone) {
			h.Zone = Name{}
		}
		m.noteHost(h)
		assert.Equal(t, c.want, have.stale, "%s: %s", c.host, c.why)
	}
}
