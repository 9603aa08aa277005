// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"log/slog"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/internal/hostnames"
)

// namesPatience is how long the first translation waits for the names of load balancers:
// a start must not take the place of what others know with hosts that have no address yet.
const namesPatience = 3 * time.Second

// newNames makes what resolves the names of load balancers. changed is called with the
// Gslbs that one of them matters to, when its addresses changed.
func newNames(cfg *Config, log *slog.Logger, changed func(types.NamespacedName)) (*hostnames.Book[types.NamespacedName], error) {
	return hostnames.New(hostnames.Config[types.NamespacedName]{
		Asker: cfg.Asker, Known: hostnames.Remembered(cfg.Store.World, cfg.Self), Log: log, Registerer: cfg.Registerer,
		OnChange: func(_ string, users []types.NamespacedName) {
			for _, g := range users {
				changed(g)
			}
		},
	})
}

// awaitOthers waits for the names and readiness gates that the first translations want,
// and translates those Gslbs once more.
func (c *collector) awaitOthers(ctx context.Context, began time.Time) {
	waiting := c.last.where(func(t *translation) bool { return len(t.out.Hostnames)+len(t.out.Gates) > 0 })
	if len(waiting) == 0 {
		return
	}
	patience, cancel := context.WithTimeout(ctx, max(namesPatience, gatePatience))
	defer cancel()
	c.names.Await(patience)
	if c.gates != nil {
		c.gates.await(patience)
	}
	for _, key := range waiting {
		c.translate(ctx, key, began)
	}
}
