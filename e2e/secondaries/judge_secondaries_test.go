// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package secondaries_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serials gives the serial of each zone at a server; 0: it does not answer.
func serials(t testing.TB, server netip.AddrPort, zones []judgeZone) map[string]uint32 {
	t.Helper()
	out := make(map[string]uint32)
	a := &asker{addr: server}
	defer a.close()
	for _, z := range zones {
		out[z.name] = 0
		q := judgeQuery{name: z.name, typ: dns.TypeSOA, tcp: true}
		if a.send(q) != nil {
			a.drop(true)
			continue
		}
		in, err := a.receive(q)
		if err != nil {
			a.drop(true)
			continue
		}
		if len(in.Answer) == 1 && in.Authoritative {
			out[z.name] = in.Answer[0].(*dns.SOA).Serial
		}
	}
	return out
}

// await waits until f is true.
func await(t testing.TB, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	end := time.Now().Add(60 * time.Second)
	for !f() {
		require.True(t, time.Now().Before(end), "waiting until %s", what)
		<-tick.C
	}
}

// answersTXT waits until our server answers a TXT record with a text.
func (p *primary) answersTXT(name, text string) {
	p.t.Helper()
	await(p.t, name+" says "+text, func() bool {
		m := new(dns.Msg).SetQuestion(name, dns.TypeTXT)
		in, err := dns.Exchange(m, p.addr.String())
		return err == nil && len(in.Answer) == 1 && strings.Contains(in.Answer[0].String(), text)
	})
}

// agree waits until the others have what we have, and compares all answers; once
// more if meanwhile a zone of ours has changed.
func (p *primary) agree(zones []judgeZone) {
	t := p.t
	t.Helper()
	for range 3 {
		before := serials(t, p.addr, zones)
		for _, o := range p.others {
			for _, z := range zones {
				o.WaitSerial(z.name, before[z.name])
			}
		}
		j := &jury{ours: p.addr, zones: make(map[string]map[string][]dns.RR), classes: make(map[string]int), drawn: make(map[string]bool)}
		for _, z := range zones {
			j.zones[z.name] = transferred(t, p.addr.String(), z.name, [2]string{p.key.Name, p.key.Base64()})
			for _, h := range z.hosts {
				j.drawn[h.Name+"."] = h.Policy.MaxAnswers > 0
			}
		}
		for _, o := range p.others {
			j.join(o)
		}
		for _, z := range zones {
			j.compare(t, z.queries(), judgeTypes)
		}
		after := serials(t, p.addr, zones)
		if !maps.Equal(before, after) {
			t.Log("meanwhile a zone has changed, once more:", before, after)
		} else {
			j.verdict(t, number(t, "JUDGE_SHOWN", 20))
			return
		}
	}
	t.Fatal("the zones do not come to rest")
}

// transfers gives our counters of transfers by kind of answer.
func (p *primary) transfers() map[string]string {
	p.t.Helper()
	resp, err := http.Get("http://" + p.metrics.String() + "/metrics")
	require.NoError(p.t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	out := make(map[string]string)
	for _, m := range regexp.MustCompile(`meridian_zoneout_transfers_total\{kind="(\w+)",result="(\w+)"\} (\S+)`).FindAllStringSubmatch(string(b), -1) {
		out[m[1]+" "+m[2]] = m[3]
	}
	return out
}

// Random zones of a meridian process come to BIND, Knot and NSD by AXFR, and what
// changes in them by NOTIFY and IXFR: each name and type has the same answer
// everywhere. JUDGE_TRANSFERRED says how many zones (1) there are
// beside one inside of the first, JUDGE_SEED the first one's seed.
func TestSecondariesAnswerLikeUs(t *testing.T) {
	count, seed := number(t, "JUDGE_TRANSFERRED", 1), number(t, "JUDGE_SEED", 1)
	zones := make([]judgeZone, 0, count)
	for i := range count + 1 {
		z := newJudgeZone(uint64(seed+i), fmt.Sprintf("t%d.test", seed+i))
		if i == count { // one lies in another one
			z = newJudgeZone(uint64(seed+i), "c."+zones[0].name)
		}
		for k := range z.hosts {
			if k%4 == 3 {
				z.hosts[k].Policy.MaxAnswers = 1
			}
		}
		z.add("marker."+z.name, "TXT", 60, `"first"`)
		zones = append(zones, z)
	}
	p := startPrimary(t, zones)
	began := time.Now()
	say := func(what string) { t.Log(time.Since(began).Round(time.Millisecond), what) }
	say("as they come")
	p.agree(zones)

	for _, z := range zones {
		p.checked(z.name, true)
	}

	say("half of the hosts are not ready any more")
	before := serials(t, p.addr, zones)
	p.file("app1.yaml", backends(t, "app1", false))
	await(t, "a zone has changed", func() bool { return !maps.Equal(before, serials(t, p.addr, zones)) })
	p.agree(zones)

	say("hosts and records come and go")
	for i := range zones {
		zones[i] = zones[i].changed(uint64(seed + i))
	}
	p.write(zones)
	for _, z := range zones {
		p.answersTXT("marker."+z.name, "second")
	}
	p.agree(zones)

	say("ready again")
	before = serials(t, p.addr, zones)
	p.file("app1.yaml", backends(t, "app1", true))
	await(t, "a zone has changed", func() bool { return !maps.Equal(before, serials(t, p.addr, zones)) })
	p.agree(zones)
	got := p.transfers()
	t.Log(got)
	assert.NotEmpty(t, got["AXFR whole"])
	assert.NotEmpty(t, got["IXFR differences"])
}

// changed gives the zone without a third of its hosts and records, and with those
// of another seed.
func (z *judgeZone) changed(seed uint64) judgeZone {
	other := newJudgeZone(seed+1_000_000, z.name)
	out := judgeZone{name: z.name}
	seen := make(map[string]bool)
	for i, h := range append(slices.Clone(z.hosts), other.hosts...) {
		if i%3 == 0 || seen[h.Name] {
			continue
		}
		seen[h.Name] = true
		out.hosts = append(out.hosts, h)
	}
	for i, r := range append(slices.Clone(z.records), other.records...) {
		if i%3 != 0 && !strings.HasPrefix(r.owner, "marker.") && len(out.records) < 250 {
			out.records = append(out.records, r)
		}
	}
	out.add("marker."+z.name, "TXT", 60, `"second"`)
	return out
}
