// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/lab"
)

// entryPort is where entries answer HTTP; any user may bind it.
const entryPort = 8088

// serveEntry answers HTTP at the n-th address with a status that can be changed.
func (s *site) serveEntry(n int) *atomic.Int32 {
	s.t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(s.t.Context(), "tcp", net.JoinHostPort(s.lab.Addr(n).String(), fmt.Sprint(entryPort)))
	require.NoError(s.t, err)
	status := &atomic.Int32{}
	status.Store(http.StatusOK)
	srv := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(int(status.Load()))
	})}
	go func() { _ = srv.Serve(ln) }() // ends with Close
	s.t.Cleanup(func() { _ = srv.Close() })
	return status
}

// TestProbesAndOverride: a probe takes a single entry out and puts it back, and
// what is set by hand wins.
func TestProbesAndOverride(t *testing.T) {
	s := newSite(t)
	one, _ := s.serveEntry(111), s.serveEntry(112)
	eu := s.cluster("eu", 11)
	const host = "probed." + lab.Zone
	probed := gslb("probed", host, "roundRobin", "") +
		fmt.Sprintf("  healthCheck: {kind: HTTP, port: %d, path: /, intervalSeconds: 1, rise: 1, fall: 1}\n", entryPort)
	eu.write(probed)
	eu.start()
	both := s.addrs(111, 112)
	s.await(eu.at(), host, both)

	one.Store(http.StatusServiceUnavailable)
	s.await(eu.at(), host, s.addrs(112))
	one.Store(http.StatusOK)
	s.await(eu.at(), host, both)

	eu.write(probed + "  override: drain\n")
	s.await(eu.at(), host, "NODATA")
	one.Store(http.StatusServiceUnavailable)
	eu.write(probed + "  override: force\n")
	s.await(eu.at(), host, both)
	eu.write(probed)
	s.await(eu.at(), host, s.addrs(112))
}
