// SPDX-License-Identifier: Apache-2.0

package rfc2136_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/edge/rfc2136"
	"github.com/meridian-gslb/meridian/edge/server"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

var (
	parentZone = gslb.MustName("example.com")
	childZone  = gslb.MustName("cloud.example.com")
	euServer   = gslb.MustName("gslb-ns-eu-cloud.example.com")
	euBeat     = gslb.MustName("gslb-heartbeat-eu.example.com")
)

const content = `
$ORIGIN example.com.
$TTL 300
@ SOA ns hostmaster 7 3600 600 604800 30
@ NS ns
ns A 127.0.0.1
www A 192.0.2.80
www AAAA 2001:0DB8::0080
alias CNAME www
text TXT "one" "tw\"o;" "thr\\ee \255"
deep NS ns.elsewhere.example.
cloud NS NS.Elsewhere.example.
cloud NS gslb-ns-us-cloud
gslb-ns-us-cloud A 127.0.0.1
*.wild A 192.0.2.9
`

func publisher(t *testing.T, servers string, key *tsigkey.Key) *rfc2136.Publisher {
	t.Helper()
	p, err := rfc2136.New(rfc2136.Config{Servers: servers, Key: key})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func stateFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "zone")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func TestLookup(t *testing.T) {
	_, addr := edgetest.Serve(t, server.Config{State: stateFile(t, content)})
	p := publisher(t, addr.String(), edgetest.Key())
	for _, c := range []struct {
		name  string
		typ   uint16
		why   string
		data  []string
		alias string
	}{
		{"www.example.com", edge.TypeA, "an address", []string{"192.0.2.80"}, ""},
		{"www.example.com", edge.TypeAAAA, "in canonical form", []string{"2001:db8::80"}, ""},
		{"text.example.com", edge.TypeTXT, "strings in quotes", []string{`"one" "tw\"o;" "thr\\ee \255"`}, ""},
		{"cloud.example.com", edge.TypeNS, "a delegation, which is a referral on the wire", []string{"gslb-ns-us-cloud.example.com.", "ns.elsewhere.example."}, ""},
		{"example.com", edge.TypeNS, "the zone's own NS", []string{"ns.example.com."}, ""},
		{"nope.example.com", edge.TypeA, "no such name", nil, ""},
		{"www.example.com", edge.TypeTXT, "no such set", nil, ""},
		{"not.example.com", edge.TypeNS, "not delegated", nil, ""},
		{"alias.example.com", edge.TypeTXT, "a CNAME stands there", nil, "www.example.com."},
		{"x.wild.example.com", edge.TypeA, "made by a wildcard", []string{"192.0.2.9"}, ""},
	} {
		a, err := p.Lookup(t.Context(), edge.Query{Zone: parentZone, Name: gslb.MustName(c.name), Type: c.typ})
		require.NoError(t, err, c.why)
		assert.Equal(t, edge.Answer{Server: addr.String(), Data: c.data, Alias: c.alias}, a, c.why)
	}
}

func TestLookupOfWhatIsNotTheZones(t *testing.T) {
	_, addr := edgetest.Serve(t, server.Config{State: stateFile(t, content)})
	p := publisher(t, addr.String(), edgetest.Key())
	_, err := p.Lookup(t.Context(), edge.Query{Zone: parentZone, Name: gslb.MustName("gslb-ns-eu-x.deep.example.com"), Type: edge.TypeA})
	assert.ErrorContains(t, err, "delegates deep.example.com. to ns.elsewhere.example.")
	_, err = p.Lookup(t.Context(), edge.Query{Zone: gslb.MustName("example.org"), Name: gslb.MustName("x.example.org"), Type: edge.TypeA})
	var e *edge.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "REFUSED", e.RCODE)
	assert.Contains(t, e.Message, "does not answer questions about example.org.")
}

func TestUpdate(t *testing.T) {
	s, addr := edgetest.Serve(t, server.Config{State: stateFile(t, content)})
	p := publisher(t, addr.String(), edgetest.Key())
	before := s.Records()
	beat := `"v=1" "counter=1" "odd=\"\\\000"`
	took, err := p.Update(t.Context(), edge.Change{
		Zone:    parentZone,
		Require: []edge.RRset{{Name: euBeat, Type: edge.TypeTXT}},
		Clear:   []edge.RRset{{Name: euBeat, Type: edge.TypeTXT}},
		Add: []gslb.Record{
			{Name: childZone, Type: edge.TypeNS, TTL: 300, Data: euServer.FQDN()},
			{Name: euServer, Type: edge.TypeA, TTL: 300, Data: "192.0.2.1"},
			{Name: euServer, Type: edge.TypeAAAA, TTL: 300, Data: "2001:db8::1"},
			{Name: euBeat, Type: edge.TypeTXT, TTL: 5, Data: beat},
		},
	})
	require.NoError(t, err)
	assert.Equal(t, addr.String(), took)
	assert.Len(t, s.Records(), len(before)+4)
	a, err := p.Lookup(t.Context(), edge.Query{Zone: parentZone, Name: euBeat, Type: edge.TypeTXT, Server: took})
	require.NoError(t, err)
	assert.Equal(t, []string{beat}, a.Data, "what was written is what is read")

	_, err = p.Update(t.Context(), edge.Change{
		Zone:    parentZone,
		Require: []edge.RRset{{Name: euBeat, Type: edge.TypeTXT, Data: a.Data}},
		Clear:   []edge.RRset{{Name: euBeat, Type: edge.TypeTXT}},
		Remove: []gslb.Record{
			{Name: childZone, Type: edge.TypeNS, Data: euServer.FQDN()},
			{Name: euServer, Type: edge.TypeA, Data: "192.0.2.1"},
			{Name: euServer, Type: edge.TypeAAAA, Data: "2001:db8::1"},
		},
	})
	require.NoError(t, err)
	assert.Equal(t, before[1:], s.Records()[1:], "all that was foreign is as it was")
}

func TestPrerequisitesThatFail(t *testing.T) {
	s, addr := edgetest.Serve(t, server.Config{State: stateFile(t, content)})
	p := publisher(t, addr.String(), edgetest.Key())
	before := s.Records()
	www := gslb.MustName("www.example.com")
	for rcode, require := range map[string]edge.RRset{
		"YXRRSET": {Name: www, Type: edge.TypeA},
		"NXRRSET": {Name: www, Type: edge.TypeA, Data: []string{"192.0.2.81"}},
	} {
		_, err := p.Update(t.Context(), edge.Change{Zone: parentZone, Require: []edge.RRset{require},
			Add: []gslb.Record{{Name: www, Type: edge.TypeA, TTL: 1, Data: "192.0.2.99"}}})
		require := assert.New(t)
		require.ErrorIs(err, edge.ErrRaced)
		var e *edge.Error
		require.ErrorAs(err, &e)
		require.Equal(rcode, e.RCODE)
	}
	assert.Equal(t, before, s.Records(), "everything or nothing")
}

func TestUpdateThatCannotBeWritten(t *testing.T) {
	p := publisher(t, "127.0.0.1:1", edgetest.Key())
	_, err := p.Update(t.Context(), edge.Change{Zone: parentZone, Add: []gslb.Record{{Name: euServer, Type: edge.TypeA, Data: "not an address"}}})
	assert.ErrorContains(t, err, "cannot be written as DNS records")
}

func TestNewRefuses(t *testing.T) {
	for servers, want := range map[string]string{
		"":                    "no edge server",
		" , ":                 "no edge server",
		"192.0.2.1:x":         "write HOST:PORT",
		"192.0.2.1:0":         "write HOST:PORT",
		"192.0.2.1:99999":     "write HOST:PORT",
		":53":                 "write HOST:PORT",
		"192.0.2.1:53,a:b:c":  "write HOST:PORT",
		"[2001:db8::53]:53:1": "write HOST:PORT",
	} {
		_, err := rfc2136.New(rfc2136.Config{Servers: servers, Key: edgetest.Key()})
		assert.ErrorContains(t, err, want, servers)
	}
	_, err := rfc2136.New(rfc2136.Config{Servers: "192.0.2.53"})
	assert.ErrorContains(t, err, "--edge-tsig-key")
	for _, good := range []string{"192.0.2.53", "2001:db8::53", "[2001:db8::53]:53", "ns.example.com", "ns.example.com:5353, 192.0.2.53"} {
		_, err := rfc2136.New(rfc2136.Config{Servers: good, Key: edgetest.Key()})
		assert.NoError(t, err, good)
	}
}

// TestKeeperOverRealSockets is the whole of package edge on the real wire.
func TestKeeperOverRealSockets(t *testing.T) {
	s, addr := edgetest.Serve(t, server.Config{State: stateFile(t, content)})
	before := s.Records()
	worlds := make(chan *gslb.World, 1)
	k, err := edge.New(edge.Config{Worlds: worlds, Store: nobody{}, Publisher: publisher(t, addr.String(), edgetest.Key()), Instance: "i1", Ask: rfc2136.Ask})
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- k.Run(t.Context()) }()
	t.Cleanup(func() { assert.NoError(t, <-done) })
	z := gslb.Zone{ZoneIntent: gslb.ZoneIntent{Zone: childZone, EdgeZone: parentZone, Addrs: addrs("192.0.2.1", "2001:db8::1")}}
	worlds <- &gslb.World{Self: "eu", SelfID: "eu-id", Ready: true, Zones: []gslb.Zone{z}, Clusters: []gslb.Cluster{{Tag: "eu", Liveness: gslb.Self}}}
	for st := k.Status(); len(st) == 0 || !st[0].OK; st = k.Status() {
		select {
		case <-k.Changed():
		case <-t.Context().Done():
			t.Fatal("never delegated")
		}
	}
	for {
		m := dnstest.Ask(t, addr, dnstest.Query{Name: euBeat.FQDN(), Type: dns.TypeTXT})
		if len(m.Answer) == 1 {
			break
		}
	}
	added := map[string]bool{}
	for _, line := range s.Records() {
		added[line] = true
	}
	for _, line := range before[1:] {
		assert.True(t, added[line], "foreign record is gone: %s", line)
		delete(added, line)
	}
	assert.Len(t, added, 5, "SOA, NS, A, AAAA, TXT: %v", added)
	found, err := k.Discover(t.Context(), z)
	require.NoError(t, err)
	assert.Equal(t, []gslb.NameServer{
		{Cluster: "eu", Name: euServer, Addrs: addrs("192.0.2.1", "2001:db8::1")},
		{Cluster: "us", Name: gslb.MustName("gslb-ns-us-cloud.example.com"), Addrs: addrs("127.0.0.1")},
		{Name: gslb.MustName("ns.elsewhere.example")},
	}, found)
	require.NoError(t, k.Remove(t.Context(), childZone, parentZone))
	assert.Equal(t, before[1:], s.Records()[1:])
}
