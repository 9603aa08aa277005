// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/kplane"
)

// awayEnv names the variable that says for how long the API server of eu is away at
// least, as in 10m; 6s without it.
const awayEnv = "MERIDIAN_API_AWAY"

// drain is how long an instance that was told to end answers on: the load balancer
// before it asks more often whether it is ready.
const drain = 3 * time.Second

func apiAwayFor(t *testing.T) time.Duration {
	t.Helper()
	given := os.Getenv(awayEnv)
	if given == "" {
		return 6 * time.Second
	}
	d, err := time.ParseDuration(given)
	require.NoError(t, err, awayEnv)
	return d
}

// apiAway kills the API server of a cluster of two instances, behind a load balancer that
// asks whether they are ready. One of them starts again in the middle, in order, and the
// other one, killed, at the end. A client asks both clusters all the time; changes at the
// other cluster are followed.
func (w *world) apiAway(planes *kplane.Planes, c, other *cluster, away time.Duration) {
	w.t.Helper()
	first, second := c.instances[0], c.instances[1]
	counted := w.tally(map[string]string{c.tag: c.space.at(dnsN), other.tag: other.space.at(dnsN)})
	since := time.Now()
	require.NoError(w.t, planes.Cluster(c.tag).Kill(kplane.APIServer))
	w.pass(away / 2)
	w.turnsAndAllFollow(other)
	c.kept()

	w.seen.leave(first)
	require.NoError(w.t, first.process.Stop())
	w.startsWithoutTheAPI(first)
	w.pass(away - time.Since(since))
	w.turnsAndAllFollow(other)
	w.t.Logf("the API server was away for %v by now", time.Since(since).Round(time.Second))
	counted.end()

	w.seen.leave(second)
	require.NoError(w.t, second.process.Kill())
	w.startsWithoutTheAPI(second)
	require.NoError(w.t, planes.Revive(w.t.Context()))
	w.until("the API server takes objects", func() bool {
		_, err := planes.Kubectl(w.t.Context(), c.tag, nil, "get", "--raw", "/readyz")
		return err == nil
	})
	w.turnsAndAllFollow(c)
	w.settle()
}

// startsWithoutTheAPI starts an instance and waits for its first answers, which are those
// of before.
func (w *world) startsWithoutTheAPI(i *instance) {
	w.t.Helper()
	since := time.Now()
	i.start()
	w.seen.back(i)
	w.seen.within("started without the API → answers", time.Since(since), 5*time.Second, since)
}
