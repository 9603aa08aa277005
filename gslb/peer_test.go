// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// TestWhichInstanceIsBelieved walks the table of peer.choose.
func TestWhichInstanceIsBelieved(t *testing.T) {
	const high, low = "192.0.2.1/0", "192.0.2.2/0"
	better := func(id string, mark uint64) *gslb.Report {
		return report("us", id, mark, offer(app, "app", 1, "192.0.2.1"))
	}
	worse := func(id string, mark uint64) *gslb.Report {
		return report("us", id, mark, offer(app, "app", 1, "192.0.2.2"))
	}
	blind := func(r *gslb.Report) *gslb.Report {
		r.Blind = at(0)
		return r
	}
	for _, c := range []struct {
		why          string
		first, other *gslb.Report
		firstSilent  time.Duration // how long the first is silent while the other speaks; 0: both speak for 30 s
		want         string
	}{
		{"a lower mark never replaces one that is heard", better("a", 9), worse("b", 8), 0, high},
		{"a higher mark does at once", worse("a", 8), better("b", 9), 0, high},
		{"a blind one never replaces one that sees", better("a", 9), blind(worse("b", 9)), 0, high},
		{"one that sees replaces a blind one", blind(worse("a", 9)), better("b", 9), 0, high},
		{"equal marks: the first is kept", better("a", 9), worse("b", 9), 0, high},
		{"the first fell silent: the other after the lease", worse("a", 9), better("b", 9), 3 * time.Second, high},
		{"the first fell silent, the other has a lower mark: not yet", better("a", 9), worse("b", 8), 9 * time.Second, high},
		{"the first fell silent, only lower marks for 10 s", better("a", 9), worse("b", 8), 11 * time.Second, low},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := store(t)
				run(t, s)
				hear := func(id string) {
					s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: id, At: time.Now()})
				}
				require.NoError(t, s.SetReport(c.first))
				hear("a")
				require.NoError(t, s.SetReport(c.other))
				hear("b")
				end := c.firstSilent
				if end == 0 {
					end = 30 * time.Second
				}
				for range int(end / time.Second) {
					time.Sleep(time.Second)
					if c.firstSilent == 0 {
						hear("a")
					}
					hear("b")
				}
				settle()
				assert.Equal(t, []string{c.want}, addrs(s.World().Host(app), "us"))
			})
		})
	}
}

// TestASavedWorldDoesNotTakeBackWhatWasTold: a cluster told a change and died before it
// saved that. When it returns, what it saved must not be answered for the moment that it
// takes to read its objects; if it cannot read them, nobody knows better after 10 s.
func TestASavedWorldDoesNotTakeBackWhatWasTold(t *testing.T) {
	for _, c := range []struct {
		why   string
		blind time.Duration // how long the new instance cannot read its objects
		says  gslb.Announcement
		want  []string // offers of the second after the return, and of the end
	}{
		{"it reads its objects", 300 * time.Millisecond, gslb.Active, []string{"192.0.2.1/0", "192.0.2.3/0"}},
		{"its API is away", time.Minute, gslb.Active, []string{"192.0.2.1/0", "192.0.2.2/0"}},
		{"it restarts once more", time.Minute, gslb.Pausing, []string{"192.0.2.2/0", "192.0.2.2/0"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := store(t)
				run(t, s)
				hear := func(id string) {
					s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: id, At: time.Now()})
				}
				require.NoError(t, s.SetReport(report("us", "a", 9, offer(app, "app", 1, "192.0.2.1"))))
				hear("a")
				time.Sleep(30 * time.Second) // all of it is gone
				saved := report("us", "b", 8, offer(app, "app", 1, "192.0.2.2"))
				saved.Blind, saved.Announcement = at(0), c.says
				require.NoError(t, s.SetReport(saved))
				hear("b")
				time.Sleep(min(c.blind, time.Second) - 50*time.Millisecond)
				settle()
				got := addrs(s.World().Host(app), "us")
				if c.blind < time.Second {
					require.NoError(t, s.SetReport(report("us", "b", 10, offer(app, "app", 1, "192.0.2.3"))))
				}
				for range 12 {
					hear("b")
					time.Sleep(time.Second)
				}
				settle()
				assert.Equal(t, c.want, append(got, addrs(s.World().Host(app), "us")...))
			})
		})
	}
}

func TestOneTagTwoClusters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		require.NoError(t, s.SetReport(report("us", "a", 1, offer(app, "app", 1, "192.0.2.1"))))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
		impostor := report("us", "x", 100, offer(app, "app", 1, "192.0.2.66"))
		impostor.ClusterID = "another"
		assert.ErrorContains(t, s.SetReport(impostor), `geo tag "us" is used by two clusters`)
		settle()
		assert.Equal(t, []string{"192.0.2.1/0"}, addrs(s.World().Host(app), "us"), "the first keeps its answers")
		assert.Contains(t, s.World().Cluster("us").Conflict, "id id-us, which is kept, and id another")

		ours := report("eu", "x", 100, offer(app, "app", 1, "192.0.2.66"))
		ours.ClusterID = "another"
		assert.ErrorContains(t, s.SetReport(ours), `geo tag "eu" is used by two clusters`)
		settle()
		assert.Nil(t, s.World().Host(app).Part("eu"))
		assert.Contains(t, s.World().Cluster("eu").Conflict, "id id-eu, which is ours")

		time.Sleep(5 * time.Second)
		require.NoError(t, s.SetReport(impostor), "the first is gone for good: a rebuilt cluster takes over")
		settle()
		assert.Equal(t, "another", s.World().Cluster("us").ID)
	})
}
