// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/peers"
)

func TestAuthorAnswersPlainQuestions(t *testing.T) {
	inAuthor(t, func(t *testing.T, c *client) {
		r := c.ask(reportZone, dns.TypeSOA)[0]
		require.Len(t, r.Answer, 1)
		assert.True(t, r.Authoritative)
		soa := r.Answer[0].(*dns.SOA)
		assert.Equal(t, "eu."+reportZone, soa.Ns, "MNAME names the instance")
		assert.Zero(t, soa.Hdr.Ttl)

		r = c.ask(strings.ToUpper(reportZone), dns.TypeTXT)[0]
		assert.Equal(t, strings.ToUpper(reportZone), r.Question[0].Name, "the question comes back as it was asked")
		require.Len(t, r.Answer, 2)
		txt := r.Answer[0].(*dns.TXT)
		assert.Equal(t, []string{"cluster", "v=1", "tag=eu", "id=id-eu", "instance=eu", "zone=cloud.example.com", "edge=example.com"}, txt.Txt[:7])
		assert.Equal(t, "ns", r.Answer[1].(*dns.TXT).Txt[0])

		r = c.ask(reportZone, dns.TypeNS)[0]
		assert.Equal(t, "invalid.", r.Answer[0].(*dns.NS).Ns)
		r = c.ask(reportZone, dns.TypeA)[0]
		assert.Empty(t, r.Answer)
		assert.Equal(t, dns.TypeSOA, r.Ns[0].Header().Rrtype, "NODATA")
		r = c.ask("nobody."+reportZone, dns.TypeTXT)[0]
		assert.Equal(t, dns.RcodeNameError, r.Rcode)
		r = c.ask("_report.us.cloud.example.com.", dns.TypeSOA)[0]
		assert.Equal(t, dns.RcodeRefused, r.Rcode, "another cluster's report, which we do not read")
		r = c.ask("x.y."+reportZone, dns.TypeTXT)[0]
		assert.Equal(t, dns.RcodeRefused, r.Rcode)
	})
}

func TestAuthorTransfers(t *testing.T) {
	inAuthor(t, func(t *testing.T, c *client) {
		axfr := answers(c.ask(reportZone, dns.TypeAXFR))
		require.Len(t, axfr, 1+1+2+2*2+1)
		assert.Equal(t, dns.TypeSOA, axfr[0].Header().Rrtype)
		assert.Equal(t, axfr[0], axfr[len(axfr)-1])
		text := ""
		for _, rr := range axfr {
			text += rr.String() + "\n"
		}
		assert.Contains(t, text, `"host" "name=app.cloud.example.com" "kind=Gslb" "namespace=test" "object=app.cloud.example.com" "created=2023-11-14T22:13:20Z" "strategy=roundRobin" "ttl=30"`)
		assert.Contains(t, text, `"entry" "n=0" "family=4" "addr=192.0.2.1" "health=healthy" "reason=Ready"`)

		soa := axfr[0].(*dns.SOA)
		have := func(serial uint32) func(*dns.Msg) {
			return func(m *dns.Msg) {
				m.Ns = []dns.RR{&dns.SOA{Hdr: dns.RR_Header{Name: reportZone, Rrtype: dns.TypeSOA, Class: dns.ClassINET}, Ns: ".", Mbox: ".", Serial: serial}}
			}
		}
		same := answers(c.ask(reportZone, dns.TypeIXFR, have(soa.Serial)))
		assert.Equal(t, []dns.RR{soa}, same, "up to date: the SOA alone, at once")
		assert.Equal(t, axfr, answers(c.ask(reportZone, dns.TypeIXFR, have(soa.Serial-7))), "a version that is not remembered: the whole zone")

		msg, _ := c.question(reportZone, dns.TypeIXFR)
		raw, _ := c.serve(t.Context(), msg)
		assert.Equal(t, byte(dns.RcodeFormatError), raw[0][3]&15, "an IXFR without an SOA")

		c.udp = true
		assert.Equal(t, dns.RcodeFormatError, c.ask(reportZone, dns.TypeAXFR)[0].Rcode, "no AXFR over UDP")
		assert.Equal(t, []dns.RR{soa}, c.ask(reportZone, dns.TypeIXFR, have(1))[0].Answer, "IXFR over UDP: come back over TCP")
		r := c.ask(reportZone, dns.TypeTXT)[0]
		assert.True(t, r.Truncated, "what does not fit in UDP")
		assert.Empty(t, r.Answer)
	})
}

func TestAuthorHoldsATransferUntilItsSerialMoves(t *testing.T) {
	inAuthor(t, func(t *testing.T, c *client) {
		// A report that is made while the objects come tells the serial of the served zone
		// once more when that is told again.
		settle(11 * time.Second)
		soa := c.ask(reportZone, dns.TypeSOA)[0].Answer[0].(*dns.SOA)
		ask := func(n, text string) ([]dns.RR, time.Duration, *dns.Msg) {
			begin := time.Now()
			// A replica of eu itself asks, so that hearing it changes nothing in the report.
			ms := c.ask(reportZone, dns.TypeIXFR, ixfrFrom(soa), hold("v=1 tag=eu id=id-eu instance=a n="+n+" "+text))
			return answers(ms), time.Since(begin), ms[0]
		}
		rrs, took, m := ask("1", "hold=700 hears=ap,eu")
		assert.Equal(t, []dns.RR{soa}, rrs)
		assert.Equal(t, 700*time.Millisecond, took, "held as long as asked for")
		assert.Regexp(t, `^v=1 tag=eu id=id-eu instance=eu n=\d+$`, option(t, m))

		_, took, _ = ask("2", "hold=0")
		assert.Zero(t, took)
		_, took, _ = ask("3", "hold=600000")
		assert.Equal(t, 30*time.Second, took, "no longer than an author grants")

		time.AfterFunc(300*time.Millisecond, func() { c.c.offer(app, "192.0.2.1", gslb.Unhealthy) })
		rrs, took, _ = ask("4", "hold=1000")
		assert.Less(t, took, 310*time.Millisecond, "pushed when it moves")
		kinds := ""
		for _, rr := range rrs {
			kinds += dns.TypeToString[rr.Header().Rrtype] + " "
		}
		// The cluster's two records, with the new public serial, and the host's two.
		assert.Equal(t, "SOA SOA TXT TXT TXT TXT SOA TXT TXT TXT TXT SOA ", kinds, "an increment from what the reader has")
		assert.Equal(t, soa, rrs[1])

		soa = rrs[0].(*dns.SOA)
		old := *soa
		old.Ns = "other." + reportZone
		soa = &old
		rrs, took, _ = ask("5", "hold=1000")
		assert.Zero(t, took, "the same serial of another instance")
		assert.Equal(t, dns.TypeNS, rrs[1].Header().Rrtype, "is the whole zone")
	})
}

func TestSignedRequestIsASignOfLifeAndMovesTheReport(t *testing.T) {
	inAuthor(t, func(t *testing.T, c *client) {
		soa := c.ask(reportZone, dns.TypeSOA)[0].Answer[0].(*dns.SOA)
		begin := time.Now()
		rrs := answers(c.ask(reportZone, dns.TypeIXFR, ixfrFrom(soa), hold("v=1 tag=us id=x instance=a n=1 hold=1000")))
		assert.Less(t, time.Since(begin), 10*time.Millisecond)
		assert.Equal(t, "fresh", c.c.liveness("us"))
		assert.Contains(t, rrs[len(rrs)-3].String(), `"hears=us"`)
	})
}

func TestHeldTransferEndsWithItsConnection(t *testing.T) {
	inAuthor(t, func(t *testing.T, c *client) {
		soa := c.ask(reportZone, dns.TypeSOA)[0].Answer[0].(*dns.SOA)
		msg, _ := c.question(reportZone, dns.TypeIXFR, ixfrFrom(soa), hold("v=1 tag=eu id=id-eu instance=a n=1 hold=1000"))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		begin := time.Now()
		out, taken := c.serve(ctx, msg)
		assert.True(t, taken)
		assert.Empty(t, out)
		assert.Equal(t, 100*time.Millisecond, time.Since(begin))
	})
}

func TestReplayedRequestIsNoSignOfLife(t *testing.T) {
	inAuthor(t, func(t *testing.T, c *client) {
		soa := c.ask(reportZone, dns.TypeSOA)[0].Answer[0].(*dns.SOA)
		msg, _ := c.question(reportZone, dns.TypeIXFR, ixfrFrom(soa), hold("v=1 tag=us id=x instance=a n=5 hold=0"))
		c.serve(t.Context(), append([]byte(nil), msg...))
		settle(10 * time.Millisecond)
		require.Equal(t, "fresh", c.c.liveness("us"))
		for range 100 {
			settle(100 * time.Millisecond)
			out, _ := c.serve(t.Context(), append([]byte(nil), msg...))
			require.NotEmpty(t, out)
		}
		assert.Equal(t, "lost", c.c.liveness("us"))
		c.ask(reportZone, dns.TypeIXFR, ixfrFrom(soa), hold("v=1 tag=us id=x instance=a n=6 hold=0"))
		settle(10 * time.Millisecond)
		assert.Equal(t, "fresh", c.c.liveness("us"))
		ka := c.c.x.KeepAlives()
		at := time.Now().Add(-10 * time.Millisecond)
		assert.Equal(t, map[gslb.GeoTag]peers.KeepAlive{"us": {Instance: "a", Number: 6, At: at}}, ka)
	})
}

// TestARequestOfBeforeOurStartIsNoSignOfLife: numbers that were heard are forgotten with
// the process, so a request says which instance it speaks to, and one that was recorded
// before a restart, or begins a connection, proves nothing. It is answered at once, so
// that the next one follows.
func TestARequestOfBeforeOurStartIsNoSignOfLife(t *testing.T) {
	inAuthor(t, func(t *testing.T, c *client) {
		soa := c.ask(reportZone, dns.TypeSOA)[0].Answer[0].(*dns.SOA)
		ask := func(text string) time.Duration {
			begin := time.Now()
			rrs := answers(c.ask(reportZone, dns.TypeIXFR, ixfrFrom(soa), hold("v=1 tag=us id=x instance=a "+text+" hold=500")))
			require.NotEmpty(t, rrs)
			took := time.Since(begin)
			settle(10 * time.Millisecond)
			return took
		}
		assert.Zero(t, ask("n=5 to=theonebefore"))
		first := func(n int, signed time.Duration) {
			c.ask(reportZone, dns.TypeIXFR, ixfrFrom(soa), hold(fmt.Sprintf("v=1 tag=us id=x instance=a n=%d to=- hold=0", n)), func(m *dns.Msg) {
				m.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Add(signed).Unix())
			})
			settle(10 * time.Millisecond)
		}
		first(6, -2*time.Second)
		assert.Equal(t, "unknown", c.c.liveness("us"), "the first on a connection, signed before our start")
		assert.Empty(t, c.c.x.KeepAlives(), "nor is its number told to others")
		ask("n=7 to=eu")
		assert.Equal(t, "fresh", c.c.liveness("us"))
		settle(10 * time.Second)
		require.Equal(t, "lost", c.c.liveness("us"))
		ask("n=7 to=eu")
		assert.Equal(t, "lost", c.c.liveness("us"), "a replay")
		first(8, 0)
		assert.Equal(t, "fresh", c.c.liveness("us"), "the first on a connection, signed since")
		settle(10 * time.Second)
		ask("n=9")
		assert.Equal(t, "fresh", c.c.liveness("us"), "older versions do not say whom they speak to")
	})
}

func TestAuthorLeavesTheRestToTheServer(t *testing.T) {
	inAuthor(t, func(t *testing.T, c *client) {
		plain := func(name string, qtype uint16, edit func(*dns.Msg)) []byte {
			m := new(dns.Msg)
			m.SetQuestion(name, qtype)
			if edit != nil {
				edit(m)
			}
			msg, err := m.Pack()
			require.NoError(t, err)
			return msg
		}
		signed, _ := c.question("app.cloud.example.com.", dns.TypeA)
		answer, _ := c.question(reportZone, dns.TypeSOA, func(m *dns.Msg) { m.Response = true })
		for why, msg := range map[string][]byte{
			"unsigned AXFR of the report":      plain(reportZone, dns.TypeAXFR, nil),
			"unsigned SOA of the report":       plain(reportZone, dns.TypeSOA, nil),
			"an update":                        plain("cloud.example.com.", dns.TypeSOA, func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }),
			"a transfer of the public zone":    plain("cloud.example.com.", dns.TypeAXFR, nil),
			"a signed question for a host":     signed,
			"an answer":                        answer,
			"less than a header":               {1, 2, 3},
			"a header alone":                   make([]byte, 12),
			"a question cut in the name":       plain(reportZone, dns.TypeSOA, nil)[:20],
			"a record that is announced, gone": append(plain(reportZone, dns.TypeSOA, nil)[:11:11], append([]byte{1}, plain(reportZone, dns.TypeSOA, nil)[12:]...)...),
		} {
			out, taken := c.serve(t.Context(), msg)
			assert.False(t, taken, why)
			assert.Empty(t, out, why)
		}
	})
}

func TestAuthorAnswersOddSignedMessages(t *testing.T) {
	inAuthor(t, func(t *testing.T, c *client) {
		rcode := func(edit func(*dns.Msg)) int { return c.ask(reportZone, dns.TypeSOA, edit)[0].Rcode }
		assert.Equal(t, dns.RcodeRefused, rcode(func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }), "nobody may change a report")
		assert.Equal(t, dns.RcodeNotImplemented, rcode(func(m *dns.Msg) { m.Opcode = 15 }))
		assert.Equal(t, dns.RcodeSuccess, rcode(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }), "a hint, taken")
		assert.Equal(t, dns.RcodeRefused, rcode(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }))
		assert.Equal(t, dns.RcodeFormatError, rcode(hold("v=1 tag=US! n=1")), "an option that is not understood")
		assert.Equal(t, dns.RcodeFormatError, rcode(hold("v=9 tag=us id=x instance=a n=1")), "of another version")
		badvers := c.ask(reportZone, dns.TypeSOA, func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().SetVersion(1) })[0]
		assert.Equal(t, dns.RcodeBadVers, badvers.Rcode)
		assert.Zero(t, badvers.IsEdns0().Version())
	})
}

func TestAuthorBeforeItsObjectsWereRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.unread = true
		eu := w.start("eu", nil)
		settle(time.Second)
		r := newClient(t, eu).ask(reportZone, dns.TypeSOA, hold("v=1 tag=us id=x instance=a n=1"))[0]
		assert.Equal(t, dns.RcodeServerFailure, r.Rcode)
		assert.Contains(t, option(t, r), "tag=eu", "it says that it lives")
	})
}
