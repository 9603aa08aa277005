// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/gslb"
)

func TestRecordsThatAreLeftOutAreTold(t *testing.T) {
	var log bytes.Buffer
	left, err := newLeftOut(slog.New(slog.NewTextHandler(&log, nil)), prometheus.NewRegistry())
	require.NoError(t, err)
	table := func(data string) *answers.Table {
		zone := gslb.Zone{ZoneIntent: gslb.ZoneIntent{Zone: gslb.MustName("example.test")}}
		zone.Static = &gslb.Records{Sets: []gslb.RecordSet{{Name: gslb.MustName("www.example.test"), Type: 1, TTL: 60, Data: []string{data}}}}
		made, err := answers.Build(nil, &gslb.World{Ready: true, Zones: []gslb.Zone{zone}})
		require.NoError(t, err)
		return made
	}
	left.look(table("192.0.2.1"))
	assert.Empty(t, log.String())
	for range 2 {
		left.look(table("nonsense"))
	}
	assert.InDelta(t, 1, testutil.ToFloat64(left.gauge), 0)
	left.look(table("192.0.2.1"))
	assert.Zero(t, testutil.ToFloat64(left.gauge))
	assert.Equal(t, 2, bytes.Count(log.Bytes(), []byte("\n")), "told when it begins and when it ends: %s", log.String())
	assert.Contains(t, log.String(), "name=www.example.test")
	assert.Contains(t, log.String(), "write an IPv4 address, like 192.0.2.1")
}
