// SPDX-License-Identifier: Apache-2.0

package files

import (
	"cmp"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/api/validate"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/hostnames"
)

// Store takes what the folder says; gslb.Store is one.
type Store interface {
	SetObjectAt(arrived time.Time, src gslb.Source, offers []*gslb.Offer)
	SetZones(zones []gslb.ZoneIntent)
	World() *gslb.World // nil: there is none yet
	UpdateLocal(f func(*gslb.LocalState))
}

// Config says what a Source needs. Dir, Store, Self, Logger and Registerer are
// required.
type Config struct {
	Dir           string            // the folder; folders in it are not read
	Store         Store             //
	Self          gslb.GeoTag       // this cluster
	Names         []string          // other names by which neighbours know this cluster
	Zones         []gslb.ZoneIntent // of the configuration
	Addrs         []netip.Addr      // of this cluster's name server, for zones that have none of their own
	AllowLoopback bool              // keep entries with loopback addresses
	InternalCIDRs []netip.Prefix    // addresses inside this cluster, which are no entries
	EntryCIDRs    []netip.Prefix    // addresses that may be entries although they lie inside
	NoK8gb        bool              // objects of k8gb are not read
	Logger        *slog.Logger
	Registerer    prometheus.Registerer

	// HoldEntries is how long the last addresses of an object stay when its status goes
	// empty while the object remains; 0: 5 min. AsksDraining: entries of hosts without a
	// health check that their object does not have any more are asked whether they still
	// serve, so that they can stay for the TTL.
	HoldEntries  time.Duration
	AsksDraining bool

	// Asker resolves the names of load balancers; nil: the resolvers of this machine do.
	// Known gives what is known of them from before a restart; nil: nothing.
	Asker hostnames.Asker
	Known func(name string) []netip.Addr
}

// Times of the watch. A file that was saved is read when nothing more has happened for
// quiet, at the latest after patience. One that is gone, or empty, though it held
// objects is believed to be so after grace: many programs save by truncating or
// replacing. Where the system tells of no changes the folder is looked at every
// lookWithout, else every lookAnyway, because network file systems tell nothing.
const (
	quiet       = 10 * time.Millisecond
	patience    = 100 * time.Millisecond
	grace       = 250 * time.Millisecond
	lookWithout = time.Second
	lookAnyway  = 30 * time.Second
)

// Source reads a folder of manifests. [Source.Run] sets it to work; [Source.Problems]
// may be called from anywhere.
type Source struct {
	cfg     Config
	dir     string // absolute
	log     *slog.Logger
	metrics *metrics
	folder  *folder
	model   *model
	watch   func(dir string, log *slog.Logger) *watch
	names   *resolved
	synced  bool
	blind   time.Time // since when the folder cannot be read; zero: it can
	mark    uint64

	mu       sync.Mutex // guards problems
	problems []Problem
}

// New makes a Source. The folder need not exist yet.
func New(c Config) (*Source, error) {
	if c.Dir == "" || c.Store == nil || c.Self == "" || c.Logger == nil || c.Registerer == nil {
		return nil, errors.New("a source of manifests needs a folder, a store, the geo tag, a logger and a registerer")
	}
	validator, err := validate.New()
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(c.Registerer)
	if err != nil {
		return nil, err
	}
	names, err := newResolved(&c)
	if err != nil {
		return nil, err
	}
	s := &Source{
		cfg: c, dir: dir, names: names, log: c.Logger.With("component", "files", "folder", c.Dir), metrics: m,
		folder: newFolder(c.Dir, validator), watch: newWatch,
	}
	s.model = newModel(modelConfig{
		self: c.Self, names: c.Names, zones: c.Zones, addrs: c.Addrs, allowLoopback: c.AllowLoopback, internal: c.InternalCIDRs, entries: c.EntryCIDRs, k8gb: !c.NoK8gb,
		book: names.book, holdEntries: cmp.Or(c.HoldEntries, holdEntries), asksDraining: c.AsksDraining, before: s.entriesBefore,
	})
	return s, nil
}

// Problems lists what is wrong in the folder now, by file and line.
func (s *Source) Problems() []Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Problem(nil), s.problems...)
}
