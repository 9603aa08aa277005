// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
	"github.com/meridian-gslb/meridian/peers"
)

func key(peer gslb.GeoTag, name, secret string) peers.Key {
	return peers.Key{Peer: peer, Key: tsigkey.FromSecret(name, "hmac-sha256", []byte(secret+"-0123456789abcdef"))}
}

func withKeys(keys ...peers.Key) func(*peers.Config) {
	return func(c *peers.Config) { c.Keys = keys }
}

func TestKeys(t *testing.T) {
	cases := []struct {
		why    string
		eu, us []peers.Key
		want   string // how eu finds us after ten seconds
		log    string // what eu says
	}{
		{"the same key", []peers.Key{key("", "k", "a")}, []peers.Key{key("", "k", "a")}, "fresh", ""},
		{"rotation with overlap: another name first on one side",
			[]peers.Key{key("", "new", "b"), key("", "old", "a")}, []peers.Key{key("", "old", "a")}, "fresh", ""},
		{"rotation with overlap: another secret under the same name",
			[]peers.Key{key("", "k", "b"), key("", "k", "a")}, []peers.Key{key("", "k", "a")}, "fresh", ""},
		{"a key for each peer", []peers.Key{key("us", "eu-us", "c"), key("ap", "eu-ap", "d")},
			[]peers.Key{key("eu", "eu-us", "c"), key("ap", "us-ap", "e")}, "fresh", ""},
		{"the peer's own key before the general one", []peers.Key{key("", "all", "x"), key("us", "eu-us", "c")},
			[]peers.Key{key("eu", "eu-us", "c")}, "fresh", ""},
		{"rotated on one side only: other name", []peers.Key{key("", "new", "b")}, []peers.Key{key("", "old", "a")}, "vouched", "does not know our key"},
		{"rotated on one side only: other secret", []peers.Key{key("", "k", "b")}, []peers.Key{key("", "k", "a")}, "vouched", "the secrets differ"},
		{"no key here", nil, []peers.Key{key("", "k", "a")}, "lost", "the exchange between clusters is off"},
		{"no key there", []peers.Key{key("", "k", "a")}, nil, "vouched", "does not know our key"},
		{"only a key that is bound to another", []peers.Key{key("ap", "k", "a")}, []peers.Key{key("", "k", "a")}, "lost", ""},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				eu := w.start("eu", two, withKeys(c.eu...))
				w.start("us", two, withKeys(c.us...))
				settle(10 * time.Second)
				assert.Equal(t, c.want, eu.liveness("us"), eu.logs)
				if c.log != "" {
					assert.Equal(t, 1, eu.logs.with("level=WARN", c.log), "once, not again and again: %s", eu.logs)
				}
			})
		})
	}
}

func TestSignatureTroubleVouchesForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu, us := w.start("eu", two), w.start("us", two)
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(5 * time.Second)
		w.kill(us)
		w.startAs("us-2", "us", two, withKeys(key("", "meridian", "rotated"))).offer(app, "198.51.100.9", gslb.Healthy)
		settle(4 * time.Minute)
		assert.Equal(t, "vouched", eu.liveness("us"))
		assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app), "what is wrongly signed changes nothing")
		settle(90 * time.Second)
		assert.Equal(t, "lost", eu.liveness("us"), "not for ever")
	})
}

func TestClocksApartVouchAndShowTheSkew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		const skew = 6 * time.Minute
		var ahead atomic.Int64
		ahead.Store(int64(skew))
		eu := w.start("eu", two)
		us := w.start("us", two, func(c *peers.Config) { c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) } })
		settle(20 * time.Second)
		assert.Equal(t, "vouched", eu.liveness("us"))
		assert.Equal(t, "vouched", us.liveness("eu"))
		assert.Equal(t, gslb.SignedBadTime, eu.store.World().Cluster("us").Witness.Kind)
		require.Len(t, eu.x.Peers(), 1)
		assert.Equal(t, skew, eu.x.Peers()[0].Skew)
		assert.Equal(t, -skew, us.x.Peers()[0].Skew)
		assert.Equal(t, 1, eu.logs.with("level=WARN", "theirs is ahead by 6m0s"), eu.logs)

		ahead.Store(int64(4 * time.Minute)) // within TSIG's window, but more than half of it
		settle(3 * time.Second)
		assert.Equal(t, "fresh", eu.liveness("us"))
		assert.Equal(t, 1, eu.logs.with("level=WARN", "clock of a peer is far from ours", "4m0s"), eu.logs)
	})
}

func TestClusterThatSignsWithAnothersKeyIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		// eu has a key for each peer. ap uses its own, and says that it is us.
		eu := w.start("eu", nil, withKeys(key("us", "eu-us", "c"), key("ap", "eu-ap", "d")))
		w.startAs("liar", "us", two, withKeys(key("eu", "eu-ap", "d")))
		settle(10 * time.Second)
		assert.Equal(t, "unknown", eu.liveness("us"))
		assert.Equal(t, 1, eu.logs.with("a cluster signs with the key of another", "peer=us", "key_of=ap"), eu.logs)
	})
}

func TestWithoutAKeyNothingIsExchangedAndThatIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu := w.start("eu", two, withKeys())
		us := w.start("us", two, withKeys())
		settle(10 * time.Second)
		assert.Contains(t, eu.x.Refuses(), "--peer-tsig-key")
		assert.Equal(t, 1, eu.logs.with("the exchange between clusters is off"))
		assert.Equal(t, "lost", eu.liveness("us"))
		assert.Contains(t, us.x.Peers()[0].Trouble, "no peer key")
		n, err := testutil.GatherAndCount(eu.reg, "meridian_peers_keys")
		require.NoError(t, err)
		assert.Equal(t, 1, n)
	})
}
