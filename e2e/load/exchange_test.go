// SPDX-License-Identifier: Apache-2.0

//go:build load && linux

package load_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/lab"
)

const readerN = 12

// reader starts a second cluster beside the server, which reads it and is read by it.
func (s *server) reader(keyFile string) {
	s.t.Helper()
	empty := filepath.Join(s.lab.Dir, "empty")
	require.NoError(s.t, os.Mkdir(empty, 0o700))
	args := s.lab.ServeArgs(lab.Cluster{
		Tag: "us", N: readerN, PeerKeys: []string{keyFile}, HTTP: httpPort, Peers: []string{"eu=" + s.at()}, Extra: []string{"--manifests", empty, "--entry-check", "off"},
	})
	_, err := s.lab.Start("us", args...)
	require.NoError(s.t, err)
}

// metric adds up the samples of a metric of a cluster whose labels match.
func (s *server) metric(n int, name, labels string) float64 {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, fmt.Sprintf("http://%s:%d/metrics", s.lab.Addr(n), httpPort), nil)
	require.NoError(s.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	sum := 0.0
	for _, m := range regexp.MustCompile(`(?m)^`+name+`(\{[^}]*\})? (\S+)$`).FindAllStringSubmatch(string(b), -1) {
		if strings.Contains(m[1], labels) {
			v, err := strconv.ParseFloat(m[2], 64)
			require.NoError(s.t, err)
			sum += v
		}
	}
	return sum
}

// answersOfReader waits until the other cluster answers for the host with an address of
// the server's report.
func (s *server) answersOfReader(addr string) time.Duration {
	s.t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	_, err := lab.Await(ctx, s.lab.At(readerN), host, addr)
	require.NoError(s.t, err)
	return time.Since(began)
}

// TestTheExchangeHoldsUnderAFlood: one cluster's DNS port is flooded over UDP and TCP, with
// forged signatures among it. The held transfers go on, no cluster is called lost, and what
// changes in the flooded cluster reaches the other.
func TestTheExchangeHoldsUnderAFlood(t *testing.T) {
	s := serve(t, "--entry-check", "off")
	key, err := s.lab.Key("peers")
	require.NoError(t, err)
	s.reader(key)
	t.Logf("read after %v", s.answersOfReader("192.0.2.1 192.0.2.2"))
	manifest := filepath.Join(s.lab.Dir, "objects", "app.yaml")
	gone := func() float64 {
		return s.metric(readerN, "meridian_gslb_liveness_changes_total", `geo_tag="eu",liveness="lost"`) +
			s.metric(readerN, "meridian_gslb_liveness_changes_total", `geo_tag="eu",liveness="vouched"`)
	}
	for _, load := range []struct {
		what  string
		start func() *flood
	}{
		{"UDP of eight kinds", func() *flood { return s.udp(0, kinds(t)) }},
		{"connections that ask once", func() *flood {
			q := packed(t, host, dns.TypeA)
			return s.connect(s.at(), append([]byte{0, byte(len(q))}, q...), 800)
		}},
		{"questions without end over 100 connections", func() *flood { return s.pipeline(100) }},
	} {
		f := load.start()
		oldest, fresh, looks := 0.0, 0, 0
		for end := time.Now().Add(loadTime(t)); time.Now().Before(end); looks++ {
			wait(t.Context(), 250*time.Millisecond)
			oldest = max(oldest, s.metric(readerN, "meridian_peers_report_age_seconds", `geo_tag="eu"`))
			if s.metric(readerN, "meridian_gslb_cluster_liveness", `geo_tag="eu",liveness="fresh"`) == 1 {
				fresh++
			}
		}
		last := fmt.Sprintf("192.0.2.%d", 100+looks%100)
		require.NoError(t, os.WriteFile(manifest, []byte(strings.Replace(manifests, "192.0.2.1}", last+"}", 1)), 0o600))
		took := s.answersOfReader(sorted(last, "192.0.2.2"))
		sent := f.end()
		t.Logf("%s: %d sent; fresh in %d of %d looks; the report was %.1f s old at most; a change arrived after %v", load.what, sent, fresh, looks, oldest, took)
		assert.Zero(t, gone(), "%s: the flooded cluster was not given up", load.what)
		require.NoError(t, os.WriteFile(manifest, []byte(manifests), 0o600))
		s.answersOfReader("192.0.2.1 192.0.2.2")
	}
	s.sound()
}

// sorted puts addresses in the order in which they are compared.
func sorted(a, b string) string {
	if b < a {
		a, b = b, a
	}
	return a + " " + b
}
