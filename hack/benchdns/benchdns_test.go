// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const printed = `[Status] Sending queries (to 127.0.0.1:5300)
> NOERROR app137.cloud.example.com A 0.000634
> NOERROR app1.cloud.example.com A 0.000034
[Status] Testing complete (time limit)

Statistics:

  Queries sent:         3
  Queries completed:    2 (66.67%)
  Queries lost:         1 (33.33%)

  Response codes:       NOERROR 2 (100.00%)
  Average packet size:  request 41, response 105
  Queries per second:   67320.091566
`

func TestWhatDnsperfPrints(t *testing.T) {
	l, err := parseLoad(bufio.NewScanner(strings.NewReader(printed)))
	require.NoError(t, err)
	assert.Equal(t, load{
		sent: 3, completed: 2, rcodes: "NOERROR 2 (100.00%)", qps: 67320.091566,
		latencies: []time.Duration{34 * time.Microsecond, 634 * time.Microsecond},
	}, l)
	_, err = parseLoad(bufio.NewScanner(strings.NewReader("Queries sent: 3\n")))
	assert.EqualError(t, err, "no question was answered")
}

func TestTheWorkOfOneQuestion(t *testing.T) {
	s := &scenario{rcode: "NOERROR"}
	good := load{sent: 10000, completed: 10000, rcodes: "NOERROR 10000 (100.00%)", qps: 5000}
	used := cpuTime{20 * time.Millisecond, 30 * time.Millisecond}
	m, err := judge(s, good, used)
	require.NoError(t, err)
	assert.Equal(t, sample{perCPU: 200_000, user: 2, system: 3, qps: 5000}, m)
	for _, c := range []struct {
		why  string
		load load
		used cpuTime
	}{
		{"many questions were lost", load{sent: 1000, completed: 800, rcodes: good.rcodes}, used},
		{"another answer was wanted", load{sent: 10, completed: 10, rcodes: "NXDOMAIN 10 (100.00%)"}, used},
		{"some answers are other ones", load{sent: 10, completed: 10, rcodes: "NOERROR 9 (90.00%), SERVFAIL 1 (10.00%)"}, used},
		{"too short to be measured", good, cpuTime{system: tick}},
	} {
		_, err := judge(s, c.load, c.used)
		assert.Error(t, err, c.why)
	}
}

func TestTimesOfAProcess(t *testing.T) {
	group, used, ok := parseStat([]byte("17 (a name) with) S 1 42 42 0 -1 4194560 1 0 0 0 250 31 0 0 20 0 9 0 100\n"))
	require.True(t, ok)
	assert.Equal(t, 42, group)
	assert.Equal(t, cpuTime{2500 * time.Millisecond, 310 * time.Millisecond}, used)
	_, _, ok = parseStat([]byte("17 (x) S 1"))
	assert.False(t, ok)
}

func TestQuantilesAndMedians(t *testing.T) {
	assert.Equal(t, 3, quantile([]int{1, 2, 3, 4}, 0.5))
	assert.Equal(t, 4, quantile([]int{1, 2, 3, 4}, 0.99))
	assert.Equal(t, 2.5, median([]float64{4, 1, 2, 3}))
	assert.Equal(t, 2.0, median([]float64{9, 1, 2}))
}

func TestTheTableIsReplaced(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(page, []byte("before\n"+markBegin+"\nold\n"+markEnd+"\nafter\n"), 0o600))
	require.NoError(t, replaceInPage(page, "new\n"))
	b, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, "before\n"+markBegin+"\n\nnew\n\n"+markEnd+"\nafter\n", string(b))
	require.NoError(t, os.WriteFile(page, []byte("no marks"), 0o600))
	assert.ErrorContains(t, replaceInPage(page, "new\n"), "lacks the lines")
}

// The zone is the same for all: what Meridian reads has the addresses of the zone file.
func TestTheSameZoneForAll(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, writeZone(filepath.Join(dir, "zone.db")))
	zone, err := os.ReadFile(filepath.Join(dir, "zone.db"))
	require.NoError(t, err)
	assert.Equal(t, hosts*perHost, strings.Count(string(zone), " IN A 10."))
	require.NoError(t, writeManifests(dir, "type: roundRobin", 0, perHost))
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	require.NoError(t, err)
	assert.Len(t, files, changing+2)
	count := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		count += strings.Count(string(b), "entryAddresses: [10.0.")
	}
	assert.Equal(t, hosts, count)
	assert.Contains(t, string(zone), "app999 IN A "+address(999, 3).String()+"\n")
	assert.Contains(t, gslb(999, "type: roundRobin", 0, perHost), address(999, 3).String()+"]")
}
