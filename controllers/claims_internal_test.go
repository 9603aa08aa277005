// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// epoch is when the objects of these tests were made; at is a moment after it.
var epoch = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return epoch.Add(time.Duration(seconds * float64(time.Second)))
}

// naming is a translation that offers hosts, each but those that begin with "no".
func naming(hosts ...string) *translate.Output {
	out := &translate.Output{Source: ownSource}
	for _, text := range hosts {
		host := gslb.MustName(text + ".cloud.example.com")
		out.Hosts = append(out.Hosts, translate.HostStatus{Host: host, Text: host.String()})
		out.Servers = append(out.Servers, gslbv1beta1.Server{Host: host.String()})
		if text[:2] != "no" {
			out.Offers = append(out.Offers, &gslb.Offer{Host: host, Source: ownSource, Created: epoch})
		}
	}
	return out
}

// recorded is a status that was written by us, of hosts and since when they are claimed, in
// seconds; a negative number: without a time.
func recorded(hosts ...any) gslbv1beta1.GslbStatus {
	s := gslbv1beta1.GslbStatus{ObservedGeneration: 1}
	for i := 0; i < len(hosts); i += 2 {
		server := gslbv1beta1.Server{Host: hosts[i].(string) + ".cloud.example.com"}
		if seconds := hosts[i+1].(float64); seconds >= -100 {
			server.ClaimedAt = &metav1.MicroTime{Time: at(seconds).Local()}
		}
		s.Servers = append(s.Servers, server)
	}
	return s
}

const timeless = -1000.0

// claimedBy plays one Gslb, made at the epoch, before a new process.
type claimedBy struct {
	*claims
	clock  time.Time
	gslb   gslbv1beta1.Gslb
	beside map[string]standing
}

func newClaimedBy(s gslbv1beta1.GslbStatus) *claimedBy {
	p := &claimedBy{beside: make(map[string]standing)}
	p.claims = newClaims(func() time.Time { return p.clock })
	p.gslb = gslbv1beta1.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "g", CreationTimestamp: metav1.NewTime(epoch)}, Status: s}
	return p
}

// translate gives, by host, since when it is claimed, in seconds after the epoch.
func (p *claimedBy) translate(clock float64, hosts ...string) map[string]float64 {
	p.clock = at(clock)
	out := naming(hosts...)
	p.apply(&p.gslb, nn("a", "g"), out, func(n gslb.Name) standing { return p.beside[n.String()[:3]] })
	since := make(map[string]float64)
	for i := range out.Servers {
		since[out.Servers[i].Host[:3]] = out.Servers[i].ClaimedAt.Sub(epoch).Seconds()
	}
	for _, o := range out.Offers {
		since[o.Host.String()[:3]] = o.Created.Sub(epoch).Seconds()
	}
	return since
}

func TestSinceWhenAHostIsClaimed(t *testing.T) {
	for _, c := range []struct {
		why    string
		status gslbv1beta1.GslbStatus
		beside map[string]standing
		want   map[string]float64 // of hosts one and two, which a process that starts at 100 finds
	}{
		{"nothing was ever written: as old as the object", gslbv1beta1.GslbStatus{}, nil, map[string]float64{"one": 0, "two": 0}},
		{"an upgrade: the status names the hosts, and no time", recorded("one", timeless, "two", timeless), nil, map[string]float64{"one": 0, "two": 0}},
		{"the status has the times", recorded("one", 0.0, "two", 50.5), nil, map[string]float64{"one": 0, "two": 50.5}},
		{"a host came while no process ran", recorded("one", 0.0), nil, map[string]float64{"one": 0, "two": 100}},
		{"and all did", recorded(), nil, map[string]float64{"one": 100, "two": 100}},
		{"a time before the object was made is none", recorded("one", -50.0, "two", 50.0), nil, map[string]float64{"one": 0, "two": 50}},
		{"the saved World says whose it was", recorded("one", 0.0), map[string]standing{"two": {own: at(60)}}, map[string]float64{"one": 0, "two": 60}},
		{"and nothing that was before the object", gslbv1beta1.GslbStatus{}, map[string]standing{"two": {own: at(-60)}}, map[string]float64{"one": 0, "two": 0}},
		{"the status goes before the World", recorded("one", 0.0, "two", 70.0), map[string]standing{"two": {own: at(60)}}, map[string]float64{"one": 0, "two": 70}},
		{"somebody is known to have it: later than that", gslbv1beta1.GslbStatus{}, map[string]standing{"one": {others: at(0.4)}}, map[string]float64{"one": 0.400001, "two": 0}},
		{"also where their clock is before ours", recorded(), map[string]standing{"one": {others: at(200)}}, map[string]float64{"one": 200.000001, "two": 100}},
		{"who came later is no matter", gslbv1beta1.GslbStatus{}, map[string]standing{"one": {others: at(-1)}}, map[string]float64{"one": 0, "two": 0}},
		{"nor who the status says came later", recorded("one", 20.0, "two", 0.0), map[string]standing{"one": {others: at(30)}}, map[string]float64{"one": 20, "two": 0}},
	} {
		p := newClaimedBy(c.status)
		if c.beside != nil {
			p.beside = c.beside
		}
		assert.Equal(t, c.want, p.translate(100, "one", "two"), c.why)
		assert.Equal(t, c.want, p.translate(110, "one", "two"), "%s: and it stays so", c.why)
		p.beside = nil
		p.gslb.Status = gslbv1beta1.GslbStatus{}
		assert.Equal(t, c.want, p.translate(120, "two", "one"), "%s: also where the status is lost", c.why)
	}
}

func TestAHostThatIsAddedIsClaimedSinceThen(t *testing.T) {
	p := newClaimedBy(gslbv1beta1.GslbStatus{})
	assert.Equal(t, map[string]float64{"one": 0}, p.translate(10, "one"))
	assert.Equal(t, map[string]float64{"one": 0, "two": 20.5}, p.translate(20.5, "one", "two"))
	assert.Equal(t, map[string]float64{"one": 0, "not": 30}, p.translate(30, "one", "not"), "also where it is not offered: it is named")
	assert.Equal(t, map[string]float64{"one": 0, "two": 40, "not": 30}, p.translate(40, "one", "two", "not"), "taken out and put back, it is a new claim")

	p.forget(nn("a", "g"))
	p.gslb.CreationTimestamp = metav1.NewTime(at(50))
	assert.Equal(t, map[string]float64{"one": 50, "two": 50}, p.translate(51, "one", "two"), "deleted and made anew")
	p.gslb.CreationTimestamp = metav1.NewTime(at(60))
	assert.Equal(t, map[string]float64{"one": 60, "two": 60}, p.translate(61, "one", "two"), "also where nobody saw that it was away")
}

// TestAStatusThatLagsDoesNotReviveAClaim: it still tells of the claim that ended.
func TestAStatusThatLagsDoesNotReviveAClaim(t *testing.T) {
	p := newClaimedBy(recorded("one", 0.0, "two", 5.0))
	assert.Equal(t, map[string]float64{"one": 0, "two": 5}, p.translate(10, "one", "two"))
	p.translate(20, "one")
	p.translate(21, "one")
	assert.Equal(t, map[string]float64{"one": 0, "two": 22}, p.translate(22, "one", "two"))
	assert.False(t, p.differs(&p.gslb), "it is the old one")
	p.gslb.Status = recorded("one", 0.0)
	assert.Equal(t, map[string]float64{"one": 0, "two": 22}, p.translate(23, "one", "two"))
	p.gslb.Status = recorded("one", 0.0, "two", 22.0)
	assert.False(t, p.differs(&p.gslb))
	p.translate(30, "one")
	assert.Equal(t, map[string]float64{"one": 0, "two": 22.000001}, p.translate(21, "one", "two"), "a clock that went back makes no claim older")
	p.translate(31, "one")
	p.gslb.Status = recorded("one", 0.0)
	p.translate(32, "one")
	assert.Empty(t, p.of[nn("a", "g")].ended, "nothing is kept that no status can tell")
}

// TestReplicasTakeTheTimeOfTheLeader: each saw the host at another moment.
func TestReplicasTakeTheTimeOfTheLeader(t *testing.T) {
	leader, follower := newClaimedBy(gslbv1beta1.GslbStatus{}), newClaimedBy(gslbv1beta1.GslbStatus{})
	leader.translate(10, "one")
	follower.translate(10.5, "one")
	assert.Equal(t, map[string]float64{"one": 0, "two": 20}, leader.translate(20, "one", "two"))
	assert.Equal(t, map[string]float64{"one": 0, "two": 20.3}, follower.translate(20.3, "one", "two"))
	written := recorded("one", 0.0, "two", 20.0)
	for _, p := range []*claimedBy{leader, follower} {
		p.gslb.Status = written
	}
	assert.False(t, leader.differs(&leader.gslb), "nothing to do for who wrote it")
	require.True(t, follower.differs(&follower.gslb))
	assert.Equal(t, map[string]float64{"one": 0, "two": 20}, follower.translate(21, "one", "two"))
	assert.False(t, follower.differs(&follower.gslb))

	follower.gslb.Status = recorded("one", -30.0, "two", -30.0) // somebody else wrote it
	require.True(t, follower.differs(&follower.gslb))
	assert.Equal(t, map[string]float64{"one": 0, "two": 0}, follower.translate(22, "one", "two"), "no earlier than the object")
	assert.False(t, follower.differs(&follower.gslb), "so nothing goes in circles")
}

func TestClaimTimesAreComparedByReplicasToTheMicrosecond(t *testing.T) {
	p := newClaimedBy(recorded())
	p.clock = at(7).Add(1234567 * time.Nanosecond).Local()
	out := naming("one")
	p.apply(&p.gslb, nn("a", "g"), out, func(gslb.Name) standing { return standing{} })
	raw, err := out.Servers[0].ClaimedAt.MarshalJSON()
	require.NoError(t, err)
	var back metav1.MicroTime
	require.NoError(t, back.UnmarshalJSON(raw))
	assert.True(t, back.Equal(out.Servers[0].ClaimedAt), "what is recorded is what is told: %s", raw)
	assert.Equal(t, fmt.Sprintf("%q", "2026-11-01T12:00:07.001234Z"), string(raw))
	assert.True(t, out.Offers[0].Created.Equal(back.Time))
}
