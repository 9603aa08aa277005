// SPDX-License-Identifier: Apache-2.0

package health

import (
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLateTicksAccuseNobody: a process that is stopped, or gets too little of a
// processor, is seen by ticks that come late; they count for nothing, however many
// they are.
func TestLateTicksAccuseNobody(t *testing.T) {
	w, err := NewWatchdog(slog.New(slog.DiscardHandler), prometheus.NewRegistry(), func() []Loop {
		return []Loop{{"dns", func() (uint64, bool) { return 1, false }}}
	})
	require.NoError(t, err)
	for range 10 * patience {
		w.look(false)
	}
	require.NoError(t, w.Check())
	for range patience - 1 {
		w.look(true)
		w.look(false)
	}
	require.NoError(t, w.Check())
	w.look(true)
	assert.EqualError(t, w.Check(), "stuck: dns", "late ticks forgive nothing either")
}
