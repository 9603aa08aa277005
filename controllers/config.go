// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/delegation"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/hostnames"
)

// Store is what the controllers need of a [gslb.Store].
type Store interface {
	SetObjectAt(arrived time.Time, src gslb.Source, offers []*gslb.Offer)
	RemoveObjectAt(arrived time.Time, src gslb.Source)
	SetZones(zones []gslb.ZoneIntent)
	UpdateLocal(f func(*gslb.LocalState))
	Mailbox() *gslb.Mailbox
	World() *gslb.World
}

// Config says what the controllers need. Rest, Store, Self, Instance and Namespace are
// required.
type Config struct {
	// Rest says how to reach the API server. It is copied, and given an own rate for reads
	// and for writes.
	Rest *rest.Config
	// Store takes what the objects mean. New calls its Mailbox, so its Run comes after New.
	Store Store
	// Self is this cluster's geo tag; Names are other names by which neighbours know it.
	Self  gslb.GeoTag
	Names []string

	// Zone is the zone given by flags; nil: zones come from ZoneDelegations alone.
	Zone *gslb.ZoneIntent
	// Addrs are the addresses of our DNS server, for the glue. Where they are empty they
	// are those in the status of OwnService.
	Addrs []netip.Addr
	// OwnService is our own DNS Service; the zero name: none.
	OwnService types.NamespacedName
	// HideClients is told, each time OwnService is read, whether it hides the addresses of
	// DNS clients; nil: nobody wants to know.
	HideClients func(hidden bool)
	// ClientsHidden: the configuration says that clients are hidden; ClientsSeen: that they
	// are not. Neither: OwnService shows it.
	ClientsHidden, ClientsSeen bool
	// Replicas is told where the instances behind OwnService are called over TCP, HOST:PORT,
	// this one included, each time that changes; nil: nobody wants to know.
	Replicas func(addrs []string)
	// Asker resolves the names of load balancers where clients arrive, and those in
	// OwnService's status; nil: it asks the resolvers of this machine.
	Asker hostnames.Asker

	// K8gb has the objects of k8gb's groups read as well, and their status written.
	K8gb bool
	// InternalCIDRs are addresses of pods and Services inside this cluster that no object
	// tells of; EntryCIDRs are addresses where clients may arrive although they lie inside.
	InternalCIDRs, EntryCIDRs []netip.Prefix
	// AllowLoopback keeps entries with loopback addresses, for demos and tests.
	AllowLoopback bool
	// PeerKey says that a peer key is configured; without one condition Serving says so.
	PeerKey bool

	// Edge tells of the delegation at the parent zones, for the status of ZoneDelegations;
	// nil: no edge is kept.
	Edge Edge
	// Delegations tells whether delegations work, for the same; nil: they are not checked.
	Delegations Delegations

	// Lead is called for each term in which this process writes, and returns when ctx has
	// ended and its last write is done; nil: nobody else writes by our Lease.
	Lead func(ctx context.Context)

	// Namespace and LeaseName name the Lease that elects the writer (LeaseName "":
	// "meridian"). Instance identifies this process in it.
	Namespace string
	LeaseName string
	Instance  string
	// Lease is the timing of the election; zero: 15 s, 10 s, 2 s.
	Lease LeaseTiming

	// BlindAfter is how long the API may fail before this cluster says that it cannot read
	// its objects; 0: 3 s.
	BlindAfter time.Duration
	// HoldEntries is how long the last addresses of an Ingress or of our Service stay when
	// its status goes empty while the object remains; 0: 5 min.
	HoldEntries time.Duration
	// RemovalHold is how long what Gslbs offered is kept that vanish in a mass while the API
	// is read anew (--deletion-guard); 0: not at all.
	RemovalHold time.Duration
	// SavedWorldLost: the saved world could not be used when this process started, and was
	// set aside. It is told in condition UpToDate for as long as the process runs.
	SavedWorldLost bool
	// AsksDraining: entries of hosts without a health check that their object does not have
	// any more are asked whether they still serve, so that they can stay for the TTL.
	AsksDraining bool
	// VerifyEvery is how often the cache is compared with the API, in case a watch skipped
	// events; 0: 10 min.
	VerifyEvery time.Duration

	// Logger is where to log; nil: nowhere.
	Logger *slog.Logger
	// Registerer takes the metrics; nil: they are kept to ourselves.
	Registerer prometheus.Registerer
}

// LeaseTiming is the timing of the leader election: Retry × 1.2 < Renew < Duration.
type LeaseTiming struct {
	Duration time.Duration // how long others wait for a silent leader
	Renew    time.Duration // how long the leader tries to renew before its writers stop
	Retry    time.Duration // between tries
}

// Delegations checks delegations from outside; a [delegation.Checker] is one.
type Delegations interface {
	// Status gives how each zone's delegation was found.
	Status() []delegation.Status
	// Changed gets a value after some status changed. The controllers are its one reader.
	Changed() <-chan struct{}
}

// Edge is the keeper of the delegation; an [edge.Keeper] is one.
type Edge interface {
	// Status gives what is known of each zone's delegation.
	Status() []edge.ZoneStatus
	// Changed gets a value after some status changed. The controllers are its one reader.
	Changed() <-chan struct{}
	// Remove takes this cluster's part of a zone out of its edge zone, and returns nil once
	// it is gone.
	Remove(ctx context.Context, zone, edgeZone gslb.Name) error
}

func (c *Config) complete() error {
	switch {
	case c.Rest == nil:
		return errors.New("controllers need a rest.Config of the API server")
	case c.Store == nil:
		return errors.New("controllers need a store")
	case c.Self == "":
		return errors.New("controllers need the geo tag of their cluster")
	case c.Namespace == "" || c.Instance == "":
		return errors.New("controllers need a namespace for their Lease and an instance name to hold it by")
	}
	if c.LeaseName == "" {
		c.LeaseName = "meridian"
	}
	if c.Lease == (LeaseTiming{}) {
		c.Lease = LeaseTiming{Duration: 15 * time.Second, Renew: 10 * time.Second, Retry: 2 * time.Second}
	}
	if c.Asker == nil {
		stub, err := hostnames.StubOf(hostnames.DefaultResolvConf)
		if err != nil {
			return err
		}
		c.Asker = stub
	}
	if l := c.Lease; l.Retry <= 0 || l.Renew <= l.Retry*6/5 || l.Duration <= l.Renew || l.Duration < time.Second {
		return fmt.Errorf("the timing of the Lease is %v, %v, %v; it must be Retry × 1.2 < Renew < Duration, and Duration at least 1s", l.Retry, l.Renew, l.Duration)
	}
	setDefault(&c.BlindAfter, 3*time.Second)
	setDefault(&c.HoldEntries, 5*time.Minute)
	setDefault(&c.VerifyEvery, 10*time.Minute)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Registerer == nil {
		c.Registerer = prometheus.NewRegistry()
	}
	c.Logger = c.Logger.With("component", "controllers")
	return nil
}

func setDefault(d *time.Duration, otherwise time.Duration) {
	if *d == 0 {
		*d = otherwise
	}
}
