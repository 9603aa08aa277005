// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/gslb"
)

// Store is what the exchange needs of [gslb.Store].
type Store interface {
	SetReport(*gslb.Report) error
	SetChange(r *gslb.Report, since uint32, changed map[gslb.Name]*gslb.Offer) error
	Sight(gslb.Sighting)
	KnowPeer(gslb.GeoTag)
	UpdateLocal(func(*gslb.LocalState))
}

// Config says what an [Exchange] needs. Self, ClusterID, Store, Worlds and Log
// are required; zero values of the rest mean what their comments say.
type Config struct {
	Self      gslb.GeoTag
	ClusterID string
	Instance  string // "": a random one

	Keys []Key // none: nothing is exchanged, ever

	Store  Store
	Worlds <-chan *gslb.World // of a [gslb.Mailbox]

	// Static lists the addresses (HOST:PORT) of peers that are not to be looked
	// for; they are used instead of whatever is found. Under Self stand other
	// instances of this cluster.
	Static map[gslb.GeoTag][]string
	// Discover gives the name servers that the edge has for a zone; Cluster in
	// them is not read, the name tells it. nil: not asked.
	Discover func(context.Context, gslb.Zone) ([]gslb.NameServer, error)
	Port     uint16 // of discovered name servers, which carry none; 0: 53

	Hold     time.Duration // of the first zone of a connection; 0: 1 s
	LongHold time.Duration // of its other zones; 0: 30 s
	// Lease is how long a peer that answered us itself counts as read first-hand; 0: 3 s.
	Lease time.Duration
	// RelayAfter is after how long without it others are asked for its report; 0: 2 s.
	RelayAfter time.Duration

	Dial func(ctx context.Context, addr string) (net.Conn, error) // nil: TCP
	Now  func() time.Time                                         // wall clock that signatures are stamped with; nil: time.Now
	Rand func() float64                                           // uniform in [0,1), for jitter; safe for concurrent use; nil: math/rand

	Log        *slog.Logger
	Registerer prometheus.Registerer // nil: no metrics
}

func check(c *Config) error {
	if c.Self == "" || c.Store == nil || c.Worlds == nil || c.Log == nil {
		return errors.New("the exchange needs Self, Store, Worlds and Log")
	}
	if err := gslb.CheckClusterID(c.ClusterID); err != nil {
		return err
	}
	if c.Instance == "" {
		c.Instance = newInstance()
	}
	if err := checkInstance(c.Instance); err != nil {
		return err
	}
	for tag, addrs := range c.Static {
		for _, a := range addrs {
			if _, _, err := net.SplitHostPort(a); err != nil {
				return fmt.Errorf("static peers: %s: %q is not HOST:PORT: %w", tag, a, err)
			}
		}
	}
	if c.Port == 0 {
		c.Port = 53
	}
	if c.Lease <= 0 {
		c.Lease = defaultLease
	}
	if c.RelayAfter <= 0 {
		c.RelayAfter = defaultRelayAfter
	}
	if c.Hold <= 0 {
		c.Hold = defaultHold
	}
	if c.LongHold <= 0 {
		c.LongHold = defaultLongHold
	}
	if c.Dial == nil {
		d := &net.Dialer{}
		c.Dial = func(ctx context.Context, addr string) (net.Conn, error) { return d.DialContext(ctx, "tcp", addr) }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	return nil
}
