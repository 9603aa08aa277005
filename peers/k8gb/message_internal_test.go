// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

func TestOnlyTheAnswerToAQuestionIsItsAnswer(t *testing.T) {
	q, err := hostQuestion(gslb.MustName("shop.cloud.example.com"))
	require.NoError(t, err)
	assert.False(t, q.msg.RecursionDesired, "a cluster is asked what it says itself")
	reply := new(dns.Msg)
	reply.SetReply(q.msg)
	reply.Question[0].Name = "LocalTargets-Shop.cloud.example.com."
	require.True(t, answers(reply, q.msg), "in any case of letters")
	for why, forge := range map[string]func(*dns.Msg){
		"another id":    func(m *dns.Msg) { m.Id++ },
		"a question":    func(m *dns.Msg) { m.Response = false },
		"another name":  func(m *dns.Msg) { m.Question[0].Name = "localtargets-other.cloud.example.com." },
		"another type":  func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA },
		"another class": func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
		"no question":   func(m *dns.Msg) { m.Question = nil },
		"an update":     func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate },
	} {
		forged := reply.Copy()
		forge(forged)
		assert.False(t, answers(forged, q.msg), why)
	}
}

func TestAddressesOfAnAnswerAreBounded(t *testing.T) {
	zone := gslb.MustName("cloud.example.com")
	q, err := hostQuestion(gslb.MustName("shop.cloud.example.com"))
	require.NoError(t, err)
	reply := new(dns.Msg)
	reply.SetReply(q.msg)
	for i := range maxTargets + 50 {
		rr, err := dns.NewRR(fmt.Sprintf("%s 30 IN A 198.51.%d.%d", q.msg.Question[0].Name, i/250, i%250+1))
		require.NoError(t, err)
		reply.Answer = append(reply.Answer, rr)
	}
	s := readHost(reply, zone, true, false)
	assert.Equal(t, positive, s.kind)
	assert.Len(t, s.addrs, maxTargets)

	none := new(dns.Msg)
	none.SetReply(q.msg)
	assert.Equal(t, unknown, readHost(none, zone, true, false).kind, "who has no authority denies nothing")
	none.Authoritative = true
	assert.Equal(t, negative, readHost(none, zone, true, false).kind)
}
