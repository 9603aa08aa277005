// SPDX-License-Identifier: Apache-2.0

package delegation

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/gslb"
)

// The schedule of one zone. What is found counts when the next look, soon after,
// finds trouble again: a lost packet or a Pod that starts is none.
const (
	checkEvery  = time.Minute
	brokenEvery = 30 * time.Second // to see the end of trouble sooner
	confirm     = 10 * time.Second
	settle      = 3 * time.Second // after a change, which the edge has to take in first
	firstLook   = 10 * time.Second
	budget      = 30 * time.Second // of one look at one zone
)

// Bounds of one look.
const (
	maxEdgeServers = 16
	maxNameServers = 64
	maxAddrs       = 8 // of one name server
	atOnce         = 8 // addresses that are asked at the same time
)

// Resolver resolves host names; [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Config says what a Checker needs. Worlds and Servers are required.
type Config struct {
	// Worlds is the channel of a [gslb.Mailbox] of its own.
	Worlds <-chan *gslb.World
	// Servers gives servers of an edge zone, HOST:PORT. An error says how they can
	// be made known.
	Servers func(ctx context.Context, edge gslb.Name) ([]string, error)
	// Resolver finds name servers whose names lie outside the edge zone; nil: those
	// are not asked.
	Resolver Resolver
	// Port that name servers are asked at, those of the edge zone's NS set too; 0: 53.
	Port uint16
	// Exchange sends a question over "udp" or "tcp" and gives the answer; nil: by
	// the network. It must be safe for concurrent use.
	Exchange Exchange
	// Rand gives numbers in [0, 1) for jitter; nil: math/rand.
	Rand       func() float64
	Log        *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: no metrics
}

// fill checks the Config and puts in what was left out.
func (c *Config) fill() error {
	if c.Worlds == nil || c.Servers == nil {
		return errors.New("a check of delegations needs Worlds and Servers")
	}
	if c.Port == 0 {
		c.Port = 53
	}
	if c.Exchange == nil {
		c.Exchange = overNetwork
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Log = c.Log.With("component", "delegation")
	return nil
}
