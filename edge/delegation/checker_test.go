// SPDX-License-Identifier: Apache-2.0

package delegation_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge/delegation"
	"github.com/meridian-gslb/meridian/gslb"
)

func TestADelegationThatWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := good()
		o := run(t, s)
		assert.Equal(t, delegation.ReasonPending, o.after(t, time.Second).Reason)
		got := o.after(t, 20*time.Second)
		assert.Equal(t, delegation.Works, got.State, got.Message)
		assert.Equal(t, delegation.ReasonAnswering, got.Reason)
		assert.Contains(t, got.Message, "all 2 name servers")
		assert.Len(t, o.Status(), 1)
		assert.NoError(t, testutil.GatherAndCompare(o.reg, strings.NewReader(`
# HELP meridian_delegation_name_server_works Whether a name server in the delegation of a zone can be found and answers for it at all its addresses (1) or not (0).
# TYPE meridian_delegation_name_server_works gauge
meridian_delegation_name_server_works{name_server="gslb-ns-eu-cloud.example.com",zone="cloud.example.com"} 1
meridian_delegation_name_server_works{name_server="gslb-ns-us-cloud.example.com",zone="cloud.example.com"} 1
# HELP meridian_delegation_works 1 for what holds of a zone, asked from the edge zone down as a resolver would: status true, false, or unknown.
# TYPE meridian_delegation_works gauge
meridian_delegation_works{status="false",zone="cloud.example.com"} 0
meridian_delegation_works{status="true",zone="cloud.example.com"} 1
meridian_delegation_works{status="unknown",zone="cloud.example.com"} 0
`), "meridian_delegation_name_server_works", "meridian_delegation_works"))
		problems, err := testutil.GatherAndLint(o.reg)
		require.NoError(t, err)
		assert.Empty(t, problems)

		before := s.questions(usAt)
		assert.Equal(t, 3, before, "SOA over UDP and TCP, and NS")
		o.after(t, 10*time.Minute)
		assert.InDelta(t, before+30, s.questions(usAt), 3, "one look a minute")
	})
}

func TestWhatDoesNotWorkIsNamed(t *testing.T) {
	only := func(network string, f reply) reply {
		return func(n string, q dns.Question) *dns.Msg {
			if n != network {
				return nil
			}
			return f(n, q)
		}
	}
	eu := nameServer("100", nsEU, nsUS)
	rcode := func(r int) reply {
		return func(string, dns.Question) *dns.Msg { return &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: r}} }
	}
	noAA := func(n string, q dns.Question) *dns.Msg { m := eu(n, q); m.Authoritative = false; return m }
	edges := func(f reply) map[string]reply { return map[string]reply{hidden: f, edgeA: f, edgeB: f} }
	for _, tt := range []struct {
		name    string
		servers map[string]reply
		reason  delegation.Reason
		says    []string
		why     string
	}{
		{"a dead cluster", map[string]reply{usAt: nil}, delegation.ReasonNameServerSilent,
			[]string{"cluster us at 198.51.100.2:53", "cloud.example.com. SOA", "over UDP no answer, over TCP no answer"}, "nobody answers there"},
		{"TCP is firewalled", map[string]reply{usAt: only("udp", eu)}, delegation.ReasonSilentOverTCP,
			[]string{"cluster us", "SOA over TCP: no answer"}, "RFC 7766: TCP is not optional"},
		{"UDP is firewalled", map[string]reply{usAt: only("tcp", eu)}, delegation.ReasonSilentOverUDP,
			[]string{"cluster us", "SOA over UDP: no answer"}, "resolvers begin with UDP"},
		{"a server that refuses the zone", map[string]reply{usAt: rcode(dns.RcodeRefused)}, delegation.ReasonLame,
			[]string{"cluster us", "it gives REFUSED"}, "it does not serve the zone"},
		{"a server that is not ready", map[string]reply{usAt: rcode(dns.RcodeServerFailure)}, delegation.ReasonLame,
			[]string{"it gives SERVFAIL"}, "it knows nothing yet"},
		{"an answer without AA", map[string]reply{usAt: noAA}, delegation.ReasonLame,
			[]string{"without authority (AA)"}, "a resolver stands at the address"},
		{"an edge server at the glue", map[string]reply{usAt: whole(delEU, delUS, glEU, glUS)}, delegation.ReasonLame,
			[]string{"a referral to the zone itself"}, "the address is that of the edge"},
		{"no delegation", edges(whole()), delegation.ReasonNotDelegated,
			[]string{"edge server at 192.0.2.10:53", "delegates the zone to nobody"}, "the edge lost it"},
		{"glue is missing", edges(whole(delEU, delUS, glEU)), delegation.ReasonGlueMissing,
			[]string{"cluster us", "gslb-ns-us-cloud.example.com.", "neither A nor AAAA"}, "nobody finds us"},
		{"a name server is missing at the edge", edges(whole(delEU, glEU)), delegation.ReasonNameServersDiffer,
			[]string{"the edge zone lacks gslb-ns-us-cloud.example.com"}, "us gets no question"},
		{"a name server too many at the edge", map[string]reply{
			euAt: nameServer("100", nsEU), usAt: nameServer("90", nsEU)}, delegation.ReasonNameServersDiffer,
			[]string{"the edge zone has gslb-ns-us-cloud.example.com besides"}, "the zone itself does not name it"},
		{"other glue than the cluster states", edges(whole(delEU, delUS, glEU, nsUS+" 300 A 198.51.100.9")), delegation.ReasonNameServerSilent,
			[]string{"cluster us at 198.51.100.9:53", "has the glue 198.51.100.9, and the cluster is at 198.51.100.2"}, "it moved, and the edge did not follow"},
		{"edge servers that differ", map[string]reply{edgeB: whole(delEU, glEU)}, delegation.ReasonEdgeServersDiffer,
			[]string{"edge server at 192.0.2.11:53", "delegates the zone to gslb-ns-eu-cloud.example.com (198.51.100.1), and 192.0.2.10:53 to"}, "a secondary of the edge lags"},
		{"an edge server that lost the zone", map[string]reply{edgeB: rcode(dns.RcodeRefused)}, delegation.ReasonEdgeServersDiffer,
			[]string{"edge server at 192.0.2.11:53", "it answers REFUSED"}, "half of the resolvers' questions fail there"},
		{"no edge server answers", map[string]reply{hidden: nil, edgeA: nil, edgeB: nil}, delegation.ReasonEdgeUnreachable,
			[]string{"192.0.2.1:53: no answer"}, "then nothing is known"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := good()
				for server, f := range tt.servers {
					s.set(server, f)
				}
				o := run(t, s)
				got := o.after(t, 3*time.Minute)
				assert.Equal(t, tt.reason, got.Reason, "%s: %s", tt.why, got.Message)
				for _, part := range tt.says {
					assert.Contains(t, got.Message, part, tt.why)
				}
				before := got
				assert.Equal(t, before.Message, o.after(t, 5*time.Minute).Message, "words that stay the same are written once")
			})
		})
	}
}

func TestWhatIsNoTrouble(t *testing.T) {
	refused := func(string, dns.Question) *dns.Msg { return &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: dns.RcodeRefused}} }
	foreign := []string{delEU, delUS, glEU, glUS, "cloud.example.com. 300 NS ns.elsewhere.example."}
	for _, tt := range []struct {
		name    string
		servers map[string]reply
		why     string
	}{
		{"a hidden primary that refuses", map[string]reply{hidden: func(n string, q dns.Question) *dns.Msg {
			if q.Name == "cloud.example.com." {
				return refused(n, q)
			}
			return whole()(n, q)
		}}, "resolvers never ask it"},
		{"one edge server is silent", map[string]reply{edgeB: nil}, "the edge zone's own trouble; the next one answers"},
		{"a secondary of others at the edge", map[string]reply{
			hidden: whole(foreign...), edgeA: whole(foreign...), edgeB: whole(foreign...), secAt: nameServer("90", nsEU, nsUS)}, "an operator may put it there"},
		{"glue of a cluster that is dead and not named", map[string]reply{
			hidden: whole(delEU, glEU, glUS), edgeA: whole(delEU, glEU, glUS), edgeB: whole(delEU, glEU, glUS), euAt: nameServer("100", nsEU), usAt: nil}, "the key of no other may touch it, and it leads nobody there"},
		{"serials of clusters differ by days", map[string]reply{usAt: nameServer("900000", nsEU, nsUS)}, "each cluster counts its own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := good()
				for server, f := range tt.servers {
					s.set(server, f)
				}
				got := run(t, s).after(t, 2*time.Hour)
				assert.Equal(t, delegation.Works, got.State, "%s: %s", tt.why, got.Message)
			})
		})
	}
}

func TestAClusterThatRunsK8gbIsBorneAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := good()
		k8gb := nameServer("7")
		s.set(usAt, func(n string, q dns.Question) *dns.Msg { m := k8gb(n, q); m.Authoritative = false; return m })
		s.set(euAt, nameServer("100", nsEU))
		o := run(t, s)
		o.worlds <- world(func(w *gslb.World) { w.Clusters[1].K8gb = true })
		got := o.after(t, 3*time.Minute)
		assert.Equal(t, delegation.Works, got.State, "it sets no AA, and names no name servers: %s", got.Message)
		s.set(usAt, nil)
		assert.Equal(t, delegation.ReasonNameServerSilent, o.after(t, 3*time.Minute).Reason, "but it has to answer")
	})
}

// TestWhatAClusterThatRunsK8gbMayNotDo holds the table of docs/mixed-zones.md.
func TestWhatAClusterThatRunsK8gbMayNotDo(t *testing.T) {
	whole := nameServer("7", "gslb-ns-us-cloud.example.com.", "gslb-ns-ap-cloud.example.com.")
	without := func(n string, q dns.Question) *dns.Msg { m := whole(n, q); m.Authoritative = false; return m }
	says := func(rcode int) reply {
		return func(string, dns.Question) *dns.Msg { return &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: rcode}} }
	}
	for _, tt := range []struct {
		why    string
		server reply
		change func(*gslb.World)
		want   delegation.Reason // "": it works
		text   string
	}{
		{"its zone names another cluster, and not ours", without, nil, "", ""},
		{"it refuses the zone", says(dns.RcodeRefused), nil, delegation.ReasonLame, "cluster us at 198.51.100.2:53: asked for cloud.example.com. SOA over UDP, it gives REFUSED"},
		{"it knows no such zone", says(dns.RcodeNameError), nil, delegation.ReasonLame, "it gives NXDOMAIN"},
		{"it has just started", says(dns.RcodeServerFailure), nil, delegation.ReasonLame, "it gives SERVFAIL"},
		{"its load balancer has no TCP", func(n string, q dns.Question) *dns.Msg {
			if n == "tcp" {
				return nil
			}
			return without(n, q)
		}, nil, delegation.ReasonSilentOverTCP, "over UDP it answers"},
		{"it is dead", nil, nil, delegation.ReasonNameServerSilent, "over UDP"},
		{"it was found elsewhere than clients find it, by --k8gb-peers", without, func(w *gslb.World) {
			w.Zones[0].NameServers[1].Addrs = []netip.Addr{netip.MustParseAddr("10.9.9.9")}
		}, "", ""},
		{"nobody knows that it runs k8gb", without, func(w *gslb.World) { w.Clusters[1].K8gb = false }, delegation.ReasonLame, "without authority (AA)"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := good()
				s.set(usAt, tt.server)
				o := run(t, s)
				o.worlds <- world(func(w *gslb.World) {
					w.Clusters[1].K8gb = true
					if tt.change != nil {
						tt.change(w)
					}
				})
				got := o.after(t, 3*time.Minute)
				if tt.want == "" {
					assert.Equal(t, delegation.Works, got.State, "%s", got.Message)
					return
				}
				assert.Equal(t, tt.want, got.Reason)
				assert.Contains(t, got.Message, tt.text)
			})
		})
	}
}

func TestASecondaryThatNoLongerFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := good()
		lines := []string{delEU, delUS, glEU, glUS, "cloud.example.com. 300 NS ns.elsewhere.example."}
		for _, e := range []string{hidden, edgeA, edgeB} {
			s.set(e, whole(lines...))
		}
		s.set(secAt, nameServer("50", nsEU, nsUS))
		o := run(t, s)
		assert.Equal(t, delegation.Works, o.after(t, 30*time.Minute).State, "it may be on its way")
		got := o.after(t, 40*time.Minute)
		assert.Equal(t, delegation.ReasonSerialBehind, got.Reason)
		assert.Contains(t, got.Message, "name server ns.elsewhere.example at 198.51.100.9:53: its serial has stood at 50")
		s.set(secAt, nameServer("90", nsEU, nsUS))
		assert.Equal(t, delegation.Works, o.after(t, time.Minute).State)
	})
}

func TestManyThatAreSilentAccuseNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := good()
		var lines, names []string
		for i := range 60 {
			name := fmt.Sprintf("gslb-ns-c%02d-cloud.example.com.", i)
			names = append(names, name)
			lines = append(lines, "cloud.example.com. 300 NS "+name, fmt.Sprintf("%s 300 A 198.51.100.%d", name, i+1))
		}
		for _, e := range []string{hidden, edgeA, edgeB} {
			s.set(e, whole(lines...))
		}
		for i := range 60 {
			var f reply
			if i >= 50 {
				f = nameServer("7", names...)
			}
			s.set(fmt.Sprintf("198.51.100.%d:53", i+1), f)
		}
		got := run(t, s).after(t, 5*time.Minute)
		require.Equal(t, delegation.ReasonNameServerSilent, got.Reason)
		for i := range got.Findings {
			if f := &got.Findings[i]; f.Reason != delegation.ReasonNameServersDiffer {
				assert.Less(t, f.NameServer.String(), "gslb-ns-c50", "who was not asked in time is not silent: %s", f)
			}
		}
		assert.Contains(t, got.Message, "more", "a message has a few of them")
	})
}

func TestOneBadLookIsNoTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := good()
		o := run(t, s)
		require.Equal(t, delegation.Works, o.after(t, 11*time.Second).State)
		s.set(usAt, nil)
		time.Sleep(62 * time.Second)
		s.set(usAt, nameServer("90", nsEU, nsUS))
		assert.Equal(t, delegation.Works, o.after(t, time.Minute).State)
		assert.NotContains(t, o.log.String(), "WARN")
	})
}

func TestTroubleIsLoggedWhenItBeginsAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := good()
		o := run(t, s)
		require.Equal(t, delegation.Works, o.after(t, 11*time.Second).State)
		<-o.Changed()
		s.set(usAt, nil)
		got := o.after(t, 10*time.Minute)
		require.Equal(t, delegation.Broken, got.State)
		<-o.Changed()
		assert.Equal(t, 1, strings.Count(o.log.String(), "delegation does not work as it should"))
		assert.Contains(t, o.log.String(), "reason=NameServerSilent")
		s.set(usAt, nameServer("90", nsEU, nsUS))
		require.Equal(t, delegation.Works, o.after(t, time.Minute).State)
		assert.Equal(t, 1, strings.Count(o.log.String(), "delegation works again"))
	})
}

func TestAChangeIsLookedAtSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := good()
		o := run(t, s)
		o.after(t, 11*time.Second)
		before := s.questions(euAt)
		o.Look()
		o.after(t, 4*time.Second)
		assert.Greater(t, s.questions(euAt), before, "somebody says that the edge changed")
		before = s.questions(euAt)
		o.worlds <- world(func(w *gslb.World) { w.Zones[0].NameServers = w.Zones[0].NameServers[:1] })
		o.after(t, 4*time.Second)
		assert.Greater(t, s.questions(euAt), before, "a cluster went")
	})
}

func TestNobodyIsAskedWhileWeAreCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := good()
		o := run(t, s)
		o.after(t, 11*time.Second)
		isolated := time.Now()
		o.worlds <- world(func(w *gslb.World) { w.Isolated = isolated })
		got := o.after(t, time.Second)
		assert.Equal(t, delegation.Unknown, got.State)
		assert.Equal(t, delegation.ReasonIsolated, got.Reason)
		before := s.questions(edgeA)
		o.after(t, 10*time.Minute)
		assert.Equal(t, before, s.questions(edgeA))
		o.worlds <- world(nil)
		assert.Equal(t, delegation.Works, o.after(t, 5*time.Second).State)
	})
}

func TestUnknownEdgeServersAreSaidToBeUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := run(t, good(), func(c *delegation.Config) {
			c.Servers = func(context.Context, gslb.Name) ([]string, error) {
				return nil, errors.New("the servers of example.com cannot be found; name one in --edge-dns")
			}
		})
		got := o.after(t, 30*time.Second)
		assert.Equal(t, delegation.Unknown, got.State)
		assert.Equal(t, delegation.ReasonEdgeServersUnknown, got.Reason)
		assert.Contains(t, got.Message, "--edge-dns")
	})
}

func TestAZoneThatGoesIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := run(t, good())
		o.after(t, 11*time.Second)
		o.worlds <- world(func(w *gslb.World) { w.Zones = nil })
		synctest.Wait()
		assert.Empty(t, o.Status())
		n, err := testutil.GatherAndCount(o.reg, "meridian_delegation_works", "meridian_delegation_name_server_works", "meridian_delegation_checked_timestamp_seconds")
		require.NoError(t, err)
		assert.Zero(t, n)
	})
}

func TestWhatIsNeeded(t *testing.T) {
	_, err := delegation.New(delegation.Config{})
	assert.ErrorContains(t, err, "Worlds and Servers")
}
