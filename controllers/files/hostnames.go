// SPDX-License-Identifier: Apache-2.0

package files

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/internal/hostnames"
)

// namesPatience is how long the first reading waits for the names of load balancers.
const namesPatience = 3 * time.Second

// resolved resolves the names of load balancers, and notes the Gslbs to which a change of
// their addresses matters.
type resolved struct {
	book *hostnames.Book[types.NamespacedName]
	news chan struct{} // one place: something is in changed

	mu      sync.Mutex
	changed map[types.NamespacedName]struct{}
}

func newResolved(c *Config) (*resolved, error) {
	r := &resolved{news: make(chan struct{}, 1), changed: make(map[types.NamespacedName]struct{})}
	asker := c.Asker
	if asker == nil {
		stub, err := hostnames.StubOf(hostnames.DefaultResolvConf)
		if err != nil {
			return nil, err
		}
		asker = stub
	}
	var err error
	r.book, err = hostnames.New(hostnames.Config[types.NamespacedName]{Asker: asker, Known: c.Known, OnChange: r.note, Log: c.Logger, Registerer: c.Registerer})
	return r, err
}

func (r *resolved) note(_ string, users []types.NamespacedName) {
	r.mu.Lock()
	for _, u := range users {
		r.changed[u] = struct{}{}
	}
	r.mu.Unlock()
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// take gives the Gslbs noted since it was called last.
func (r *resolved) take() []types.NamespacedName {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]types.NamespacedName, 0, len(r.changed))
	for u := range r.changed {
		all = append(all, u)
	}
	clear(r.changed)
	return all
}

// await waits a while for the names that are wanted: a start must not take the place of
// what others know with hosts that have no address yet.
func (s *Source) await(ctx context.Context) {
	patience, cancel := context.WithTimeout(ctx, namesPatience)
	defer cancel()
	s.names.book.Await(patience)
	for name, g := range s.model.gslbs {
		if len(g.output.Hostnames) > 0 {
			s.model.touch(name)
		}
	}
}
