// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
)

const calmText = `"v=1" "cluster=eu" "id=5f1c" "instance=a7" "counter=42" "interval=3600" "ns=1f2e"`

func TestHeartbeatRoundTrip(t *testing.T) {
	for _, h := range []edge.Heartbeat{
		{Cluster: "eu", ClusterID: "5f1c", Instance: "a7", Counter: 42, Interval: time.Hour, NS: "1f2e"},
		{Cluster: "eu", ClusterID: "5f1c", Instance: "a7", Counter: 1<<64 - 1, Interval: 5 * time.Second,
			Missed: []edge.HeardKeepAlive{{Cluster: "us", Instance: "b3", Number: 118, Age: 2130 * time.Millisecond}, {Cluster: "us", Instance: "b/4", Number: 0}, {Cluster: "ap"}}},
		{Cluster: "eu", ClusterID: `quoted "id" \ here`, Instance: "ümlaut\x00", Counter: 0, Interval: time.Second},
	} {
		got, err := edge.ParseHeartbeat(h.Data())
		require.NoError(t, err, h.Data())
		assert.Equal(t, h, got)
	}
}

func TestHeartbeatIsReadableWithDig(t *testing.T) {
	h := edge.Heartbeat{Cluster: "eu", ClusterID: "5f1c", Instance: "a7", Counter: 42, Interval: 5 * time.Second, NS: "1f2e",
		Missed: []edge.HeardKeepAlive{{Cluster: "us", Instance: "b3", Number: 118}}}
	assert.Equal(t, `"v=1" "cluster=eu" "id=5f1c" "instance=a7" "counter=42" "interval=5" "ns=1f2e" "missed=us/b3/118"`, h.Data())
	assert.True(t, h.Names("us"))
	assert.False(t, h.Names("eu"))
}

func TestHeartbeatOfALaterVersion(t *testing.T) {
	h, err := edge.ParseHeartbeat(calmText + ` "colour=blue" "colour=red" "nonsense"`)
	require.NoError(t, err, "unknown keys are passed over, so that clusters can be upgraded one after the other")
	assert.Equal(t, uint64(42), h.Counter)
}

func TestParseHeartbeatErrors(t *testing.T) {
	for text, want := range map[string]string{
		``:               `does not begin with "v=1"`,
		`"v=spf1 -all"`:  `format "spf1 -all" is not known`,
		`"v=2"`:          `format "2" is not known`,
		`v=1`:            "not in quotes",
		`"v=1`:           "not closed",
		`"v=1\`:          "escape",
		`"v=1\25x"`:      "escape",
		`"v=1\256"`:      "escape",
		`"v=1"`:          `"cluster" is missing`,
		`"cluster=eu"`:   `does not begin with "v=1"`,
		calmText + ` "x`: "not closed",
		strings.Replace(calmText, "counter=42", "counter=-1", 1):          "counter",
		strings.Replace(calmText, "counter=42", "counter=042", 1):         "counter",
		strings.Replace(calmText, "interval=3600", "interval=0", 1):       "interval",
		strings.Replace(calmText, "interval=3600", "interval=5s", 1):      "interval",
		strings.Replace(calmText, "interval=3600", "interval=8640000", 1): "interval",
		strings.Replace(calmText, "cluster=eu", "cluster=EU", 1):          "lower case",
		strings.Replace(calmText, "id=5f1c", "id=", 1):                    "id is empty",
		calmText + ` "counter=43"`:                                        "stands twice",
		calmText + ` "missed=us/"`:                                        "CLUSTER/INSTANCE/NUMBER",
		calmText + ` "missed=us//7"`:                                      "CLUSTER/INSTANCE/NUMBER",
		calmText + ` "missed=us/b3/x"`:                                    "missed",
		calmText + ` "missed=no tag"`:                                     "geo tag",
		`"` + strings.Repeat("x", 256) + `"`:                              "255 octets",
		strings.Repeat(`"" `, 513):                                        "512 strings",
		strings.Repeat(" ", 33<<10):                                       "too long",
	} {
		_, err := edge.ParseHeartbeat(text)
		assert.ErrorContains(t, err, want, "%.80s", text)
	}
}

func FuzzParseHeartbeat(f *testing.F) {
	f.Add(calmText)
	f.Add(calmText + ` "missed=us/b3/118" "missed=ap"`)
	f.Add(`"v=1" "id=\034\\\"\000"`)
	f.Add(`"v=spf1 include:example.com -all"`)
	f.Fuzz(func(t *testing.T, text string) {
		h, err := edge.ParseHeartbeat(text)
		if err != nil {
			return
		}
		assert.GreaterOrEqual(t, h.Interval, time.Second)
		again, err := edge.ParseHeartbeat(h.Data())
		require.NoError(t, err)
		assert.Equal(t, h, again)
	})
}

// Versions that know no ages wrote and read heartbeats without them.
func TestAgesOfKeepAlivesCanBeMissing(t *testing.T) {
	missed := `"missed=us/b3/118"`
	for text, want := range map[string]time.Duration{
		"":                               0,
		` "age=us/b3/118/2130"`:          2130 * time.Millisecond,
		` "age=us/b3/117/2130"`:          0,
		` "age=us/b4/118/2130"`:          0,
		` "age=us"`:                      0,
		` "age=us/2130"`:                 0,
		` "age=us/b3/118/soon"`:          0,
		` "age=us/b3/118/9999999999999"`: 0,
	} {
		h, err := edge.ParseHeartbeat(calmText + " " + missed + text)
		require.NoError(t, err, text)
		assert.Equal(t, []edge.HeardKeepAlive{{Cluster: "us", Instance: "b3", Number: 118, Age: want}}, h.Missed, text)
	}
}
