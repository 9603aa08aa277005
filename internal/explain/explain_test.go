// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/explain"
)

// world merges one own and one peer's offer of each host.
func world(t *testing.T, p gslb.Policy, hosts ...string) *gslb.World {
	t.Helper()
	s, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu"})
	require.NoError(t, err)
	zone := gslb.MustName("cloud.example.com")
	s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: zone.Parent()}})
	s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
	r := &gslb.Report{Cluster: "us", ClusterID: "id-us", Instance: "a", Zone: zone, Hears: []gslb.GeoTag{"eu"}, Offers: map[gslb.Name]*gslb.Offer{}}
	for _, h := range hosts {
		own := &gslb.Offer{Host: gslb.MustName(h), Source: gslb.Source{Kind: "Gslb", Namespace: "default", Name: h}, Policy: p, Entries: []gslb.Entry{
			{Addr: netip.MustParseAddr("192.0.2.1"), Health: gslb.Healthy, Reason: gslb.ReasonReady},
			{Addr: netip.MustParseAddr("192.0.2.2"), Health: gslb.Unhealthy, Reason: gslb.ReasonNotReady},
		}}
		s.SetObject(own.Source, []*gslb.Offer{own})
		r.Offers[own.Host] = &gslb.Offer{Host: own.Host, Policy: p, Entries: []gslb.Entry{
			{Addr: netip.MustParseAddr("198.51.100.1"), Health: gslb.Healthy, Reason: gslb.ReasonReady}}}
	}
	require.NoError(t, s.SetReport(r))
	s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
	go func() { _ = s.Run(t.Context()) }()
	time.Sleep(time.Second)
	synctest.Wait()
	return s.World()
}

func TestEveryEntryHasItsReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := gslb.Policy{Strategy: gslb.Failover, Primary: "us", TTL: 30}
		x, err := explain.Of(world(t, p, "app.cloud.example.com"), gslb.MustName("app.cloud.example.com"), netip.MustParseAddr("203.0.113.9"))
		require.NoError(t, err)
		assert.Equal(t, gslb.ReasonPrimary, x.Reason)
		assert.Equal(t, []string{"198.51.100.1"}, x.Answers[0].Addresses)
		require.Len(t, x.Entries, 3)
		assert.Equal(t, gslb.ReasonNotChosen, x.Entries[0].Reason)
		assert.Equal(t, gslb.ReasonNotReady, x.Entries[1].Reason)
		assert.True(t, x.Entries[2].In)
		assert.Equal(t, "fresh", x.Entries[2].Liveness)
		var b strings.Builder
		require.NoError(t, x.Text(&b))
		assert.Contains(t, b.String(), "us       fresh     198.51.100.1  yes       Ready")
		assert.Contains(t, b.String(), "answer       100%: 198.51.100.1")
	})
}

func TestWhoVouchesAndWhoseTagIsInDisputeIsNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		name := gslb.MustName("app.cloud.example.com")
		w := *world(t, gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30}, name.String())
		w.Clusters = slices.Clone(w.Clusters)
		us := w.Cluster("us")
		us.Liveness, us.Since = gslb.Vouched, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		us.Witness = gslb.Witness{Kind: gslb.ThirdCluster, By: "ap"}
		notes := func() []string {
			x, err := explain.Of(&w, name, netip.Addr{})
			require.NoError(t, err)
			return x.Notes
		}
		const silent = "cluster us has been silent since 2026-03-01T12:00:00Z, and its offers stay, for somebody vouches for it: "
		assert.Equal(t, []string{silent + "thirdCluster ap"}, notes())
		us.Witness = gslb.Witness{Kind: gslb.Heartbeat}
		assert.Equal(t, []string{silent + "heartbeat"}, notes())
		us.Liveness, us.Witness, us.Conflict = gslb.Fresh, gslb.Witness{}, `geo tag "us" is used by two clusters: id a, which is kept, and id b`
		assert.Equal(t, []string{us.Conflict + "; nothing new of its hosts is taken until one of them has another"}, notes())
	})
}

func TestAClusterThatIsNotReadIsNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		name := gslb.MustName("app.cloud.example.com")
		w := *world(t, gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30}, name.String())
		x, err := explain.Of(&w, name, netip.Addr{})
		require.NoError(t, err)
		assert.Empty(t, x.Notes)
		w.Clusters = slices.Clone(w.Clusters)
		w.Cluster("us").Unread = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		x, err = explain.Of(&w, name, netip.Addr{})
		require.NoError(t, err)
		assert.Equal(t, []string{"cluster us calls this one, but its report has not been read since 2026-03-01T12:00:00Z, so what it said then counts"}, x.Notes)
	})
}

func TestNamesThatAreNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30}
		w := world(t, p, "*.cloud.example.com", "x.y.cloud.example.com")
		x, err := explain.Of(w, gslb.MustName("any.cloud.example.com"), netip.Addr{})
		require.NoError(t, err)
		assert.Equal(t, "any.cloud.example.com", x.Asked)
		assert.Equal(t, "*.cloud.example.com", x.Host)
		_, err = explain.Of(w, gslb.MustName("z.y.cloud.example.com"), netip.Addr{})
		assert.ErrorContains(t, err, "no cluster offers z.y.cloud.example.com", "y exists, so the wildcard does not cover names below it")
		_, err = explain.Of(w, gslb.MustName("app.example.org"), netip.Addr{})
		assert.ErrorContains(t, err, "zones are cloud.example.com")
		_, err = explain.Of(nil, gslb.MustName("app.example.org"), netip.Addr{})
		assert.ErrorContains(t, err, "not ready")
	})
}

func TestHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(t, gslb.Policy{Strategy: gslb.GeoIP, TTL: 30}, "app.cloud.example.com")
		ask := func(query string, w *gslb.World) (int, string) {
			rec := httptest.NewRecorder()
			explain.Handler(func() *gslb.World { return w }, func(zone gslb.Name) []string { return []string{"about " + zone.String()} }).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/explain"+query, nil))
			return rec.Code, rec.Body.String()
		}
		code, body := ask("?host=app.cloud.example.com&client=203.0.113.9", w)
		assert.Equal(t, http.StatusOK, code)
		var x explain.Explanation
		require.NoError(t, json.Unmarshal([]byte(body), &x))
		assert.Equal(t, gslb.ReasonStrategyPending, x.Reason)
		assert.Contains(t, x.Notes[0], "answered as roundRobin")
		assert.Contains(t, x.Notes, "about cloud.example.com")
		for query, want := range map[string]int{"": 400, "?host=a..b": 400, "?host=app.cloud.example.com&client=x": 400, "?host=no.cloud.example.com": 404} {
			code, body = ask(query, w)
			assert.Equal(t, want, code, query)
			assert.Contains(t, body, "error")
		}
		code, _ = ask("?host=app.cloud.example.com", nil)
		assert.Equal(t, http.StatusServiceUnavailable, code)
	})
}

// TestSharedFateIsTold: two addresses of one site are said to be one.
func TestSharedFateIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu"})
		require.NoError(t, err)
		zone, host := gslb.MustName("cloud.example.com"), gslb.MustName("app.cloud.example.com")
		s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: zone.Parent()}})
		s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
		offer := func(addr string, needs ...string) *gslb.Offer {
			return &gslb.Offer{Host: host, Source: gslb.Source{Kind: "Gslb", Name: "app"}, DependsOn: needs,
				Entries: []gslb.Entry{{Addr: netip.MustParseAddr(addr), Health: gslb.Healthy, Reason: gslb.ReasonReady}}}
		}
		s.SetObject(gslb.Source{Kind: "Gslb", Name: "app"}, []*gslb.Offer{offer("192.0.2.1", "id-us")})
		require.NoError(t, s.SetReport(&gslb.Report{Cluster: "us", ClusterID: "id-us", Instance: "a", Zone: zone, Hears: []gslb.GeoTag{"eu"},
			Offers: map[gslb.Name]*gslb.Offer{host: offer("198.51.100.1")}}))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
		go func() { _ = s.Run(t.Context()) }()
		time.Sleep(time.Second)
		synctest.Wait()
		x, err := explain.Of(s.World(), host, netip.Addr{})
		require.NoError(t, err)
		assert.Contains(t, x.Notes, "no backend of cluster eu itself is ready: it needs us")
		assert.Contains(t, x.Notes, "clusters eu, us fail together: they stand or fall with us")
	})
}
