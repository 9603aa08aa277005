// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/kplane"
	"github.com/meridian-gslb/meridian/internal/lab"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// token gives the TXT at a name, or the RCODE.
func (c *kubeCluster) token(name string) string {
	m, err := lab.Ask(c.s.t.Context(), c.at(), name, dns.TypeTXT)
	switch {
	case err != nil:
		return err.Error()
	case len(m.Answer) > 0:
		return strings.Join(m.Answer[0].(*dns.TXT).Txt, "")
	}
	return dns.RcodeToString[m.Rcode]
}

// update sends an update that is signed with a key, and gives the RCODE.
func (c *kubeCluster) update(key string, change func(m *dns.Msg)) string {
	c.s.t.Helper()
	k, err := tsigkey.Parse(key)
	require.NoError(c.s.t, err)
	m := new(dns.Msg).SetUpdate(lab.Zone + ".")
	change(m)
	m.SetTsig(k.Name, k.Algorithm, 300, time.Now().Unix())
	client := dns.Client{Net: "udp", Timeout: time.Minute, TsigProvider: tsigkey.NewKeyring(k)}
	a, _, err := client.ExchangeContext(c.s.t.Context(), m, c.at())
	require.NoError(c.s.t, err)
	return dns.RcodeToString[a.Rcode]
}

// TestUpdatesOfTwoReplicas: an update that one replica took is in a ConfigMap, served by
// the other, and there after both restarted; without the API nothing is taken, and what
// was taken is served.
func TestUpdatesOfTwoReplicas(t *testing.T) {
	s := newKubeSite(t, "eu")
	key, err := s.lab.Key("acme")
	require.NoError(t, err)
	one := s.clusters["eu"]
	one.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: meridian}\n")
	two := &kubeCluster{s: s, tag: "eu", n: 21, api: one.api}
	both := []*kubeCluster{one, two}
	require.NoError(t, one.process.Stop())
	for _, c := range both {
		c.extra = []string{"--namespace", "meridian", "--update-tsig-key", key}
		c.start()
	}
	const name = "_acme-challenge." + lab.Zone
	await := func(want string) {
		t.Helper()
		for _, c := range both {
			s.until(want+" at "+c.at(), func() bool { return c.token(name) == want })
		}
	}
	await("NXDOMAIN")
	record := &dns.TXT{Hdr: dns.RR_Header{Name: name + ".", Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60}, Txt: []string{"token"}}
	require.Equal(t, "NOERROR", one.update(key, func(m *dns.Msg) { m.Insert([]dns.RR{record}) }))
	assert.Equal(t, "token", one.token(name))
	await("token")
	assert.Contains(t, one.kubectl("-n", "meridian", "get", "configmap", "meridian-challenges", "-o", "yaml"), name)

	t.Log("both restart")
	for _, c := range both {
		require.NoError(t, c.process.Kill())
		c.start()
	}
	await("token")
	require.Equal(t, "NOERROR", two.update(key, func(m *dns.Msg) { m.Remove([]dns.RR{record}) }))
	await("NXDOMAIN")
	require.Equal(t, "NOERROR", two.update(key, func(m *dns.Msg) { m.Insert([]dns.RR{record}) }))
	await("token")

	t.Log("the API goes away")
	require.NoError(t, s.planes.Cluster("eu").Kill(kplane.APIServer))
	assert.Equal(t, "SERVFAIL", one.update(key, func(m *dns.Msg) { m.Remove([]dns.RR{record}) }))
	await("token")
	require.NoError(t, s.planes.Revive(t.Context()))
	s.until("updates are taken again", func() bool {
		return one.update(key, func(m *dns.Msg) { m.Remove([]dns.RR{record}) }) == "NOERROR"
	})
	await("NXDOMAIN")
}
