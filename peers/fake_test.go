// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
	"github.com/meridian-gslb/meridian/peers"
	"github.com/meridian-gslb/meridian/peers/peerstest"
)

// usReport is a report of us with one host, at a serial.
func usReport(serial uint32, addr string) *gslb.Report {
	host := gslb.MustName(app)
	return &gslb.Report{
		Cluster: "us", ClusterID: "id-us", Instance: "fake", Zone: zone, EdgeZone: zone.Parent(), Serial: serial, Mark: 1,
		Hears: []gslb.GeoTag{"eu"},
		Offers: map[gslb.Name]*gslb.Offer{host: {
			Host: host, Policy: gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30},
			Entries: []gslb.Entry{{Addr: netip.MustParseAddr(addr), Health: gslb.Healthy, Reason: gslb.ReasonReady}},
		}},
	}
}

func zoneText(t *testing.T, r *gslb.Report) string {
	t.Helper()
	z, err := peers.Encode(r)
	require.NoError(t, err)
	return z.String()
}

// withFake runs f with eu, which has read the fake us once.
func withFake(t *testing.T, f func(t *testing.T, eu *cluster, us *peerstest.FakePeer)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		us := peerstest.NewFakePeer("us", "fake", sharedKey().Key)
		require.NoError(t, us.Say(zoneText(t, usReport(1, "198.51.100.1"))))
		w.net.Add("us:53", "us", us)
		eu := w.start("eu", two)
		settle(2 * time.Second)
		require.Equal(t, "198.51.100.1 healthy", eu.sees("us", app), eu.logs)
		require.Equal(t, "fresh", eu.liveness("us"))
		f(t, eu, us)
	})
}

func TestReaderAgreesWithAnotherReadingOfTheFormat(t *testing.T) {
	withFake(t, func(t *testing.T, eu *cluster, us *peerstest.FakePeer) {
		require.NoError(t, us.Say(zoneText(t, usReport(2, "198.51.100.2"))))
		settle(10 * time.Millisecond)
		assert.Equal(t, "198.51.100.2 healthy", eu.sees("us", app))
		asked := us.Asked()
		assert.Regexp(t, `^v=1 tag=eu id=id-eu instance=eu n=\d+ to=fake hold=(9[3-9]\d|1000)$`, asked[len(asked)-1])
		hears := func(s string) bool { return strings.HasSuffix(s, " hears=us") }
		assert.Equal(t, 2, len(asked)-len(slices.DeleteFunc(slices.Clone(asked), hears)), "whom it hears is said once on each connection: %q", asked)
	})
}

func TestNothingChangesByWhatIsNotACompleteSignedReport(t *testing.T) {
	other := tsigkey.FromSecret("other", "hmac-sha256", []byte("another-secret-of-32-octets-0000"))
	wrong := tsigkey.FromSecret("meridian", "hmac-sha256", []byte("another-secret-of-32-octets-0000"))
	cases := []struct {
		why     string
		manners peerstest.Manners
		want    string // liveness in the end
	}{
		{"SERVFAIL", peerstest.Manners{Rcode: dns.RcodeServerFailure}, "fresh"},
		{"REFUSED", peerstest.Manners{Rcode: dns.RcodeRefused}, "fresh"},
		{"NXDOMAIN", peerstest.Manners{Rcode: dns.RcodeNameError}, "fresh"},
		{"NOTAUTH", peerstest.Manners{Rcode: dns.RcodeNotAuth}, "fresh"},
		{"silence", peerstest.Manners{Silent: true}, "lost"},
		{"slower than an answer may be", peerstest.Manners{Delay: 3 * time.Second}, "lost"},
		{"not signed", peerstest.Manners{Unsigned: true}, "lost"},
		{"signed with another key", peerstest.Manners{SignWith: other}, "lost"},
		{"signed with another secret", peerstest.Manners{SignWith: wrong}, "lost"},
		{"a bit flipped", peerstest.Manners{Wire: func(b []byte) []byte { b[len(b)/2] ^= 4; return b }}, "lost"},
		{"another id", peerstest.Manners{Wire: func(b []byte) []byte { b[0] ^= 1; return b }}, "lost"},
		{"another question", peerstest.Manners{Edit: func(m *dns.Msg) { m.Question[0].Name = "_report.us.cloud.example.org." }}, "lost"},
		{"another type asked", peerstest.Manners{Edit: func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAXFR }}, "lost"},
		{"no answer but a question", peerstest.Manners{Edit: func(m *dns.Msg) { m.Response = false }}, "lost"},
		{"truncated", peerstest.Manners{Edit: func(m *dns.Msg) { m.Truncated = true }}, "fresh"},
		{"cut in the middle", peerstest.Manners{Split: 1, CutAfter: 3}, "fresh"},
		{"the end is missing", peerstest.Manners{Edit: func(m *dns.Msg) { m.Answer = m.Answer[:len(m.Answer)-1] }}, "fresh"},
		{"begins without an SOA", peerstest.Manners{Edit: func(m *dns.Msg) { m.Answer = m.Answer[1:] }}, "fresh"},
		{"ends at another serial", peerstest.Manners{Edit: func(m *dns.Msg) {
			last := dns.Copy(m.Answer[len(m.Answer)-1]).(*dns.SOA)
			last.Serial++
			m.Answer = append(m.Answer[:len(m.Answer)-1:len(m.Answer)-1], last)
		}}, "fresh"},
		{"records after the end", peerstest.Manners{Edit: func(m *dns.Msg) { m.Answer = append(m.Answer, m.Answer[1]) }}, "fresh"},
		{"a record outside", peerstest.Manners{Edit: func(m *dns.Msg) {
			rr := dns.Copy(m.Answer[2])
			rr.Header().Name = "cloud.example.com."
			m.Answer = append([]dns.RR{m.Answer[0], rr}, m.Answer[1:]...)
		}}, "fresh"},
		{"the last message unsigned", peerstest.Manners{Split: 1, SignEvery: 2, Wire: dropLastSignature()}, "fresh"},
		{"the clock of the signature far off", peerstest.Manners{Clock: func() time.Time { return time.Now().Add(time.Hour) }}, "vouched"},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			withFake(t, func(t *testing.T, eu *cluster, us *peerstest.FakePeer) {
				if edit := c.manners.Edit; edit != nil {
					c.manners.Edit = func(m *dns.Msg) {
						if len(m.Answer) > 1 { // keep-alives stay as they are
							edit(m)
						}
					}
				}
				us.Behave(c.manners)
				require.NoError(t, us.Say(strings.ReplaceAll(zoneText(t, usReport(9, "203.0.113.66")), "healthy", "unhealthy")))
				settle(8 * time.Second)
				assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app), "nothing of it may count")
				assert.Equal(t, c.want, eu.liveness("us"), eu.logs)

				us.Behave(peerstest.Manners{})
				settle(4 * time.Second)
				assert.Equal(t, "fresh", eu.liveness("us"), "back to good manners: %s", eu.logs)
				assert.Equal(t, "203.0.113.66 unhealthy", eu.sees("us", app))
			})
		})
	}
}

// dropLastSignature takes the TSIG off the message that ends a transfer.
func dropLastSignature() func([]byte) []byte {
	return func(b []byte) []byte {
		m := new(dns.Msg)
		if m.Unpack(b) != nil || m.IsTsig() == nil || len(m.Answer) == 0 || m.Answer[0].Header().Rrtype != dns.TypeSOA || m.IsEdns0() != nil {
			return b
		}
		m.Extra = nil
		out, err := m.Pack()
		if err != nil {
			return b
		}
		return out
	}
}

func TestReportInManyMessagesSomeUnsigned(t *testing.T) {
	many := usReport(2, "198.51.100.2")
	for i := range 150 {
		n := gslb.MustName(fmt.Sprintf("h%d.%s", i, zone))
		many.Offers[n] = &gslb.Offer{Host: n, Policy: gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30}}
	}
	for _, c := range []struct {
		every int
		taken bool
	}{{1, true}, {7, true}, {100, true}, {101, false}} {
		t.Run(fmt.Sprintf("one of %d signed", c.every), func(t *testing.T) {
			withFake(t, func(t *testing.T, eu *cluster, us *peerstest.FakePeer) {
				us.Behave(peerstest.Manners{Split: 1, SignEvery: c.every})
				require.NoError(t, us.Say(zoneText(t, many)))
				settle(100 * time.Millisecond)
				want := "198.51.100.1 healthy"
				if c.taken {
					want = "198.51.100.2 healthy"
				}
				assert.Equal(t, want, eu.sees("us", app), "RFC 8945 §5.3.1: at most 99 unsigned between; %s", eu.logs)
			})
		})
	}
}

func TestStalePeerDoesNotGoBack(t *testing.T) {
	withFake(t, func(t *testing.T, eu *cluster, us *peerstest.FakePeer) {
		require.NoError(t, us.Say(zoneText(t, usReport(5, "198.51.100.5"))))
		settle(10 * time.Millisecond)
		require.NoError(t, us.Say(zoneText(t, usReport(4, "198.51.100.4"))))
		settle(10 * time.Second)
		assert.Equal(t, "198.51.100.5 healthy", eu.sees("us", app), "serials never fall within an instance")
		assert.Equal(t, "fresh", eu.liveness("us"))
		assert.Equal(t, 1, eu.logs.with("report is not taken", "serial 4 is older than 5"), eu.logs)
	})
}

// Of two connections the slower one can bring what the other brought already, and less.
func TestAnOlderAnswerThatComesLastIsNoTrouble(t *testing.T) {
	withFake(t, func(t *testing.T, eu *cluster, us *peerstest.FakePeer) {
		require.NoError(t, us.Say(zoneText(t, usReport(5, "198.51.100.5"))))
		settle(10 * time.Millisecond)
		var once sync.Once
		us.Behave(peerstest.Manners{Edit: func(m *dns.Msg) {
			once.Do(func() {
				for i, rr := range m.Answer {
					m.Answer[i] = dns.Copy(rr)
					if soa, ok := m.Answer[i].(*dns.SOA); ok {
						soa.Serial = 4
					}
				}
			})
		}})
		require.NoError(t, us.Say(zoneText(t, usReport(6, "198.51.100.6"))))
		settle(100 * time.Millisecond)
		assert.Equal(t, "198.51.100.6 healthy", eu.sees("us", app))
		settle(10 * time.Second)
		assert.Equal(t, "fresh", eu.liveness("us"))
		assert.Zero(t, eu.logs.with("report is not taken"), eu.logs)
	})
}

func TestLyingPeer(t *testing.T) {
	for _, c := range []struct {
		why  string
		edit func(string) string
		log  string
	}{
		{"another cluster's report", func(s string) string { return strings.ReplaceAll(s, "tag=us", "tag=ap") }, "it says that it is cluster ap's"},
		{"another zone's", func(s string) string { return strings.ReplaceAll(s, "zone=cloud.example.com", "zone=example.org") }, "it says that it is for zone example.org"},
		{"a host outside", func(s string) string {
			return strings.ReplaceAll(s, "name=app.cloud.example.com", "name=app.example.org")
		}, "host app.example.org"},
		{"a later format", func(s string) string { return strings.ReplaceAll(s, `"v=1"`, `"v=2"`) }, "it is in format 2"},
		{"two clusters behind one tag", func(s string) string { return strings.ReplaceAll(s, "id=id-us", "id=stranger") }, "used by two clusters"},
	} {
		t.Run(c.why, func(t *testing.T) {
			withFake(t, func(t *testing.T, eu *cluster, us *peerstest.FakePeer) {
				before := len(us.Asked())
				require.NoError(t, us.Say(c.edit(zoneText(t, usReport(2, "198.51.100.66")))))
				settle(20 * time.Second)
				assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app))
				assert.Equal(t, "fresh", eu.liveness("us"), "it lives, and lies")
				assert.Equal(t, 1, eu.logs.with("level=WARN", "report is not taken", c.log), eu.logs)
				assert.Less(t, len(us.Asked())-before, 60, "a bad report must not be fetched again and again")
				require.NoError(t, us.Say(zoneText(t, usReport(3, "198.51.100.3"))))
				settle(time.Second)
				assert.Equal(t, "198.51.100.3 healthy", eu.sees("us", app))
			})
		})
	}
}

func TestPeerThatAlwaysHasNewsDoesNotKeepUsBusy(t *testing.T) {
	withFake(t, func(t *testing.T, eu *cluster, us *peerstest.FakePeer) {
		var serial atomic.Uint32
		serial.Store(10)
		us.Behave(peerstest.Manners{Edit: func(m *dns.Msg) {
			m.Answer = append([]dns.RR(nil), m.Answer...)
			soa := dns.Copy(m.Answer[0]).(*dns.SOA)
			soa.Serial = serial.Add(1)
			m.Answer[0], m.Answer[len(m.Answer)-1] = soa, soa
		}})
		require.NoError(t, us.Say(zoneText(t, usReport(9, "198.51.100.2"))))
		before := len(us.Asked())
		settle(10 * time.Second)
		assert.Less(t, len(us.Asked())-before, 1000, "two connections, forty rounds a second each at most")
	})
}

func TestImpatientPeerIsAskedOnceASecond(t *testing.T) {
	withFake(t, func(t *testing.T, eu *cluster, us *peerstest.FakePeer) {
		us.Behave(peerstest.Manners{Impatient: true})
		settle(2 * time.Second)
		before := len(us.Asked())
		settle(10 * time.Second)
		assert.InDelta(t, 20, len(us.Asked())-before, 4, "two connections, one question a second each")
	})
}

func TestAddressOfAnotherClusterIsShown(t *testing.T) {
	withFake(t, func(t *testing.T, eu *cluster, us *peerstest.FakePeer) {
		us.Behave(peerstest.Manners{Hello: func(gslb.GeoTag, string) string { return "ap" }})
		settle(6 * time.Second)
		assert.Equal(t, "lost", eu.liveness("us"), "who speaks is told by what is signed, not by the address")
		assert.Equal(t, "fresh", eu.liveness("ap"))
		assert.Equal(t, 1, eu.logs.with("address of a peer is answered by another cluster", "peer=us", "answered_by=ap"), eu.logs)
	})
}
