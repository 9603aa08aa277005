// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"context"
	"encoding/base64"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
	"github.com/meridian-gslb/meridian/peers"
)

// TestAPeerWithOneDeadFamilyIsReadByTheOther: of a name server with an address of each
// family, either may lead nowhere.
func TestAPeerWithOneDeadFamilyIsReadByTheOther(t *testing.T) {
	const v4, v6 = "198.51.100.7:53", "[2001:db8::7]:53"
	for _, alive := range []string{v4, v6} {
		t.Run(alive, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				eu := w.start("eu", nil, func(c *peers.Config) {
					c.Discover = func(context.Context, gslb.Zone) ([]gslb.NameServer, error) {
						return []gslb.NameServer{{Name: gslb.MustName("gslb-ns-us-cloud.example.com"), Addrs: []netip.Addr{
							netip.MustParseAddrPort(v4).Addr(), netip.MustParseAddrPort(v6).Addr()}}}, nil
					}
				})
				us := w.start("us", nil)
				w.net.Add(alive, "us", us.x)
				us.offer(app, "198.51.100.1", gslb.Healthy)
				settle(8 * time.Second)
				assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app), eu.logs)
				for range 60 {
					settle(500 * time.Millisecond)
					require.Equal(t, "fresh", eu.liveness("us"), "the dead address takes nothing from the living one")
				}
				us.offer(app, "198.51.100.1", gslb.Unhealthy)
				settle(100 * time.Millisecond)
				assert.Equal(t, "198.51.100.1 unhealthy", eu.sees("us", app), "nor does it delay")
			})
		})
	}
}

// TestAKeyIsReplacedWhileClustersTalk: files of secrets are written anew, one cluster
// after the other, without a restart and without a moment of silence.
func TestAKeyIsReplacedWhileClustersTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		changed := time.Unix(1_000_000_000, 0)
		secret := func(file, text string) {
			t.Helper()
			require.NoError(t, os.WriteFile(file, []byte(base64.StdEncoding.EncodeToString([]byte(text+"-0123456789abcdef"))), 0o600))
			changed = changed.Add(time.Minute)
			require.NoError(t, os.Chtimes(file, changed, changed))
		}
		files := map[gslb.GeoTag][2]string{}
		keys := func(tag gslb.GeoTag) (all []peers.Key) {
			dir := t.TempDir()
			files[tag] = [2]string{filepath.Join(dir, "first"), filepath.Join(dir, "second")}
			for _, f := range files[tag] {
				secret(f, "old")
				k, err := tsigkey.Parse("meridian:hmac-sha256:" + f)
				require.NoError(t, err)
				all = append(all, peers.Key{Key: k})
			}
			return all
		}
		eu, us := w.start("eu", two, withKeys(keys("eu")...)), w.start("us", two, withKeys(keys("us")...))
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(3 * time.Second)
		healths := []gslb.Health{gslb.Unhealthy, gslb.Healthy}
		for i, step := range []struct {
			tag  gslb.GeoTag
			slot int
			why  string
		}{
			{"eu", 1, "the new secret is taken beside the old one, in one cluster"},
			{"us", 1, "and in the other"},
			{"eu", 0, "the old one goes in one cluster"},
			{"us", 0, "and in the other"},
		} {
			secret(files[step.tag][step.slot], "new")
			for range 20 {
				settle(500 * time.Millisecond)
				require.Equal(t, "fresh", eu.liveness("us"), "%s: %s", step.why, eu.logs)
				require.Equal(t, "fresh", us.liveness("eu"), "%s: %s", step.why, us.logs)
			}
			h := healths[i%2]
			us.offer(app, "198.51.100.1", h)
			settle(time.Second)
			assert.Equal(t, "198.51.100.1 "+h.String(), eu.sees("us", app), step.why)
		}
	})
}
