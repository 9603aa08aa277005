// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

var two = []gslb.GeoTag{"eu", "us"}

func TestTwoClustersTellEachOtherAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu, us := w.start("eu", two), w.start("us", two)
		eu.offer("app.cloud.example.com", "192.0.2.1", gslb.Healthy)
		us.offer("app.cloud.example.com", "198.51.100.1", gslb.Healthy)
		settle(2 * time.Second)
		require.Equal(t, "192.0.2.1 healthy", us.sees("eu", "app.cloud.example.com"), us.logs)
		require.Equal(t, "198.51.100.1 healthy", eu.sees("us", "app.cloud.example.com"), eu.logs)
		assert.Equal(t, "fresh", eu.liveness("us"))
		assert.Equal(t, "fresh", us.liveness("eu"))

		eu.offer("app.cloud.example.com", "192.0.2.1", gslb.Unhealthy)
		settle(20 * time.Millisecond)
		assert.Equal(t, "192.0.2.1 unhealthy", us.sees("eu", "app.cloud.example.com"), "a change must be pushed, not polled for")

		eu.withdraw("app.cloud.example.com")
		settle(20 * time.Millisecond)
		assert.Empty(t, us.sees("eu", "app.cloud.example.com"))
		eu.stop()
		us.stop()
	})
}
