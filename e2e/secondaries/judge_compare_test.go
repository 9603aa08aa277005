// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package secondaries_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/internal/authtest"
)

// judgeTypes are asked of every name: types that there is data of, and types
// that there is none of.
var judgeTypes = []uint16{
	dns.TypeA, dns.TypeAAAA, dns.TypeCNAME, dns.TypeNS, dns.TypeMX, dns.TypeTXT, dns.TypeSRV, dns.TypeCAA, dns.TypeHTTPS, 65400,
	dns.TypeSOA, dns.TypeDS, dns.TypeANY, dns.TypeLOC, dns.TypeDNSKEY, dns.TypeRRSIG,
}

// jury is our server and the others, with the same zones.
type jury struct {
	ours  netip.AddrPort
	names []authtest.Software
	addrs []netip.AddrPort
	zones map[string]map[string][]dns.RR // what the others were given: zone → owner → records
	drawn map[string]bool                // hosts of which an answer holds only some addresses

	mu      sync.Mutex
	asked   int
	classes map[string]int // tolerated differences by class
	faults  []string
}

// fault notes a difference that is not tolerated.
func (j *jury) fault(q judgeQuery, why string, ours reply, others []reply) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n  ours %s\n", q, why, ours)
	for i, o := range others {
		fmt.Fprintf(&b, "  %s %s\n", j.names[i], o)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.faults = append(j.faults, b.String())
}

// compare asks all servers every question, over UDP without EDNS, and in another
// way: with EDNS and in mixed letter case, or over TCP.
func (j *jury) compare(t testing.TB, names []string, types []uint16) {
	t.Helper()
	work := make(chan string)
	var workers sync.WaitGroup
	for w := range 6 {
		workers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			servers := make([]*asker, 0, 4)
			for _, addr := range append([]netip.AddrPort{j.ours}, j.addrs...) {
				a := &asker{addr: addr, id: uint16(r.Uint32())}
				defer a.close()
				servers = append(servers, a)
			}
			for name := range work {
				for _, typ := range types {
					other := judgeQuery{name: name, typ: typ, tcp: true, edns: uint16(r.IntN(2) * 4096)}
					if r.IntN(2) == 0 {
						other = judgeQuery{name: mixed(r, name), typ: typ, edns: uint16(1232 + r.IntN(2)*3000), do: r.IntN(2) == 0}
					}
					for _, q := range []judgeQuery{{name: name, typ: typ}, other} {
						j.judge(q, askAll(t, servers, q), servers[0].size)
					}
				}
			}
		})
	}
	for _, n := range names {
		work <- n
	}
	close(work)
	workers.Wait()
}

// mixed gives a name in mixed letter case.
func mixed(r *rand.Rand, name string) string {
	b := []byte(name)
	for i := range b {
		if b[i] >= 'a' && b[i] <= 'z' && r.IntN(2) == 0 {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

// judge holds our answer against the others': it has to be that of all, or, where
// they differ among themselves, that of one of them; else the difference has to
// be one of a closed list.
func (j *jury) judge(q judgeQuery, msgs []*dns.Msg, size int) {
	j.mu.Lock()
	j.asked++
	j.mu.Unlock()
	isZone := func(owner string) bool { return j.zones[owner] != nil }
	ours, others := replyOf(msgs[0], isZone), make([]reply, 0, len(j.names))
	for _, m := range msgs[1:] {
		others = append(others, replyOf(m, isZone))
	}
	for _, why := range j.wellFormed(q, msgs[0], size) {
		j.fault(q, why, ours, others)
	}
	agreed := !slices.ContainsFunc(others, func(o reply) bool { return !o.equal(others[0]) })
	alike := slices.ContainsFunc(others, ours.equal)
	if agreed && alike {
		return
	}
	c := &judgeCase{q: q, ours: ours, others: others, jury: j}
	for _, d := range differences {
		if (alike || d.alone) && d.is(c) {
			j.mu.Lock()
			j.classes[d.name]++
			j.mu.Unlock()
			return
		}
	}
	why := "all others agree on something else"
	switch {
	case alike:
		why = "the others differ among themselves, in a way that is not listed"
	case !agreed:
		why = "the others differ, and none says what we say"
	}
	j.fault(q, why, ours, others)
}

// wellFormed gives what is wrong with our answer whatever the others say.
func (j *jury) wellFormed(q judgeQuery, m *dns.Msg, size int) []string {
	var wrong []string
	if limit := max(512, min(int(q.edns), 1232)); !q.tcp && size > limit {
		wrong = append(wrong, "too long for UDP: "+fmt.Sprint(size))
	}
	if m.RecursionAvailable || m.Zero || m.AuthenticatedData || m.CheckingDisabled || !m.Response {
		wrong = append(wrong, "a bit of the header is wrong")
	}
	if len(m.Question) != 1 || m.Question[0].Name != q.name || m.Question[0].Qtype != q.typ {
		wrong = append(wrong, "the question is not echoed")
	}
	if (m.IsEdns0() != nil) != (q.edns > 0) {
		wrong = append(wrong, "OPT")
	}
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		all := records(section)
		if len(slices.Compact(slices.Clone(all))) != len(all) {
			wrong = append(wrong, "a record is there twice")
		}
	}
	for _, rr := range m.Extra {
		if rr.Header().Rrtype != dns.TypeOPT && !holds(j.zone(rr.Header().Name), rr) {
			wrong = append(wrong, "additional record that no zone has: "+rr.String())
		}
	}
	return wrong
}

// zone gives the records of the zone that holds a name; nil: it is in none.
func (j *jury) zone(name string) map[string][]dns.RR { return j.zones[j.home(name)] }

// home gives the zone that holds a name; empty: it is in none.
func (j *jury) home(name string) string {
	for n := strings.ToLower(name); n != ""; _, n, _ = strings.Cut(n, ".") {
		if _, ok := j.zones[n]; ok {
			return n
		}
	}
	return ""
}

func holds(zone map[string][]dns.RR, rr dns.RR) bool {
	return slices.ContainsFunc(at(zone, rr.Header().Name), func(z dns.RR) bool { return dns.IsDuplicate(withOwner(z, rr.Header().Name), rr) })
}

func withOwner(rr dns.RR, owner string) dns.RR {
	rr = dns.Copy(rr)
	rr.Header().Name = owner
	return rr
}

// verdict fails the test for each difference that is not tolerated, and tells
// what was.
func (j *jury) verdict(t testing.TB, shown int) {
	t.Helper()
	t.Logf("%d questions, each to ours and %v", j.asked, j.names)
	for _, class := range slices.Sorted(maps.Keys(j.classes)) {
		t.Logf("tolerated %7d × %s", j.classes[class], class)
	}
	slices.Sort(j.faults)
	for i, f := range j.faults {
		if i == shown {
			t.Logf("… and %d more", len(j.faults)-shown)
			break
		}
		t.Log(f)
	}
	if len(j.faults) > 0 {
		t.Errorf("%d answers differ", len(j.faults))
	}
}
