// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

// askedServer serves handle over UDP and TCP on one port, and gives its address.
func askedServer(t *testing.T, handle dns.HandlerFunc) string {
	t.Helper()
	tcp, udp := dnstest.Listen(t)
	for _, s := range []*dns.Server{{Listener: tcp, Handler: handle}, {PacketConn: udp, Handler: handle}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { _ = s.ActivateAndServe() }() // ends with the test
		<-started
		t.Cleanup(func() { assert.NoError(t, s.Shutdown()) })
	}
	return tcp.Addr().String()
}

// zoneAnswer answers SOA and NS of cloud.example.com, and refuses other names.
func zoneAnswer(authoritative bool) dns.HandlerFunc {
	return func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		m.Authoritative = authoritative
		record := map[uint16]string{
			dns.TypeSOA: "cloud.example.com. 30 IN SOA gslb-ns-eu-cloud.example.com. hostmaster.example.com. 1 2 3 4 30",
			dns.TypeNS:  "cloud.example.com. 30 IN NS gslb-ns-eu-cloud.example.com.",
		}[r.Question[0].Qtype]
		switch {
		case r.Question[0].Name != "cloud.example.com.":
			m.Rcode = dns.RcodeRefused
		case record != "":
			rr, err := dns.NewRR(record)
			if err != nil {
				panic(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		_ = w.WriteMsg(m) // whoever asked sees it
	}
}

func ask(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	cmd := newAsk()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestAsk(t *testing.T) {
	server := askedServer(t, zoneAnswer(true))
	out, err := ask(t, "Cloud.Example.COM", "soa", "NS", "--server", server)
	require.NoError(t, err)
	for _, want := range []string{";; SOA over udp: NOERROR in ", ";; SOA over tcp: ", ";; NS over udp: ", ";; NS over tcp: ", "IN\tNS\tgslb-ns-eu-cloud.example.com."} {
		assert.Contains(t, out, want)
	}
	_, err = ask(t, "other.example.org", "SOA", "--server", server, "--expect", "refused")
	require.NoError(t, err)
}

func TestAskFails(t *testing.T) {
	server, cached := askedServer(t, zoneAnswer(true)), askedServer(t, zoneAnswer(false))
	for _, c := range []struct {
		why  string
		args []string
		want string
	}{
		{"another RCODE", []string{"other.example.org", "SOA", "--server", server}, "says REFUSED, not NOERROR"},
		{"no such record", []string{"cloud.example.com", "A", "--server", server}, "A over udp: " + server + " has no such record"},
		{"a cache, not an authority", []string{"cloud.example.com", "SOA", "--server", cached}, "no authority (AA)"},
		{"answers where none should be", []string{"cloud.example.com", "SOA", "--server", server, "--expect", "REFUSED"}, "says NOERROR, not REFUSED"},
	} {
		t.Run(c.why, func(t *testing.T) {
			out, err := ask(t, c.args...)
			require.ErrorContains(t, err, c.want)
			assert.Empty(t, out)
		})
	}
}

func TestAskIsCalledWrongly(t *testing.T) {
	for want, args := range map[string][]string{
		"write: meridian ask NAME TYPE…":   {"cloud.example.com"},
		`"SO" is not a type of records`:    {"cloud.example.com", "SO"},
		`"a..b" is not a domain name`:      {"a..b", "SOA"},
		`--expect: "FINE" is not an RCODE`: {"cloud.example.com", "SOA", "--expect", "FINE"},
	} {
		_, err := ask(t, args...)
		var usage usageError
		require.ErrorAs(t, err, &usage)
		assert.ErrorContains(t, err, want)
	}
}

func TestAskAddsThePort(t *testing.T) {
	for server, want := range map[string]string{
		"203.0.113.10": "203.0.113.10:53", "2001:db8::10": "[2001:db8::10]:53", "[2001:db8::10]": "[2001:db8::10]:53", "ns.example.com:5353": "ns.example.com:5353",
	} {
		q, err := parseQuestion([]string{"example.com", "SOA"}, server, "NOERROR")
		require.NoError(t, err)
		assert.Equal(t, want, q.server)
	}
}

// TestAskInsists: a server that is not ready yet says SERVFAIL, and is asked again.
func TestAskInsists(t *testing.T) {
	var asked atomic.Int32
	good := zoneAnswer(true)
	server := askedServer(t, func(w dns.ResponseWriter, r *dns.Msg) {
		if asked.Add(1) < 3 {
			_ = w.WriteMsg(new(dns.Msg).SetRcode(r, dns.RcodeServerFailure)) // whoever asked sees it
			return
		}
		good(w, r)
	})
	_, err := ask(t, "cloud.example.com", "SOA", "--server", server)
	require.ErrorContains(t, err, "says SERVFAIL")
	_, err = ask(t, "cloud.example.com", "SOA", "--server", server, "--within", time.Minute.String())
	require.NoError(t, err)
	assert.EqualValues(t, 4, asked.Load(), "two failures, then UDP and TCP")
}
