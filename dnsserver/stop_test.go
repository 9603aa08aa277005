// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

// Run ends when told, although connections are open and a transfer is held;
// the addresses are free afterwards.
func TestRunEndsWhenTold(t *testing.T) {
	started := make(chan struct{})
	hold := slowFunc(func(ctx context.Context, _ []byte, _ netip.AddrPort, _ bool, _ func([]byte) error) bool {
		close(started)
		<-ctx.Done()
		return true
	})
	cfg := dnsserver.Config{Listen: []string{"127.0.0.1:0"}, SlowPath: hold, TCPIdle: time.Hour}
	s, err := dnsserver.New(cfg)
	require.NoError(t, err)
	s.Publish(exampleTable(t))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	addr := s.Addrs()[0]

	idle := dnstest.Dial(t, "tcp", addr)
	_, err = idle.Write(ask(t, "app", dns.TypeA).withID(0))
	require.NoError(t, err)
	expectAnswers(t, idle, 1)
	held := dnstest.Dial(t, "tcp", addr)
	_, err = held.Write(ask(t, "", dns.TypeIXFR))
	require.NoError(t, err)
	<-started

	stop()
	require.NoError(t, <-ended)
	closed(t, idle)
	closed(t, held)
	again, err := dnsserver.New(dnsserver.Config{Listen: []string{addr.String()}})
	require.NoError(t, err)
	require.NoError(t, again.Close())
	assert.Zero(t, s.Panics())
}
