// SPDX-License-Identifier: Apache-2.0

package answers_test

import (
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

func TestWhatOthersMayHaveIsNotDenied(t *testing.T) {
	known := build(t,
		dnstest.Host{Name: "app.cloud.example.com", Addrs: []string{"192.0.2.1"}},
		dnstest.Host{Name: "none.cloud.example.com"},
	)
	w := *known.World()
	w.Unsought = time.Now().Add(time.Minute)
	unsought, err := answers.Build(nil, &w)
	require.NoError(t, err)
	for _, c := range []struct {
		name  string
		qtype uint16
		sure  answers.Kind // when the others are known
		want  answers.Kind // when nobody could name them
		why   string
	}{
		{"app." + zone, dns.TypeA, answers.Answer, answers.Answer, "what is known is answered"},
		{"app." + zone, dns.TypeAAAA, answers.NoData, answers.NoData, "the host has an answer, in the other family"},
		{"none." + zone, dns.TypeA, answers.NoData, answers.NotReady, "nothing serves it here: another cluster may"},
		{"absent." + zone, dns.TypeA, answers.NXDomain, answers.NotReady, "others may offer it"},
		{zone, dns.TypeA, answers.NoData, answers.NoData, "the apex is the same everywhere"},
		{zone, dns.TypeSOA, answers.Answer, answers.Answer, "the zone is served"},
		{"app.elsewhere.example", dns.TypeA, answers.Refused, answers.Refused, "not ours, whoever else there is"},
	} {
		assert.Equal(t, c.sure, lookup(known, c.name, c.qtype).Kind, c.why)
		assert.Equal(t, c.want, lookup(unsought, c.name, c.qtype).Kind, c.why)
	}
}
